import { ForwardDeniedError } from "../../errors.ts";
import type { ForwardedConn } from "../../forward/tunnel/forwarded_conn.ts";
import { forward } from "../../forward/tunnel/forward.ts";
import type { ReverseTunnel } from "../../forward/tunnel/tunnel.ts";
import type { Logger } from "../../logger.ts";
import { generateKeyPair } from "../../ssh/keys/private/key_pair.ts";
import { serveSftp } from "../../sftp/sftp_server.ts";
import type { SharedFolders } from "../../sftp/files/shared_folders.ts";
import { PendingLogins } from "../pending_logins.ts";
import type { SessionAccess } from "../session/session_share.ts";

/** The user that the server logs in as. */
const USER = "x2go";
/** Clients that may be logged in at once: one for each mount, but a server could open any number. */
const MAX_CLIENTS = 64;

/** An SSH server that serves files, and can serve folders in place of this process. */
export interface SshFileServer {
  /**
   * Name or address, as this side reaches it.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string;
  /** 22 by default. */
  port?: number;
  /** The user that the X2Go server logs in as. */
  user: string;
  /**
   * The private key that it logs in with, in OpenSSH's format and without a
   * passphrase. It is on the X2Go server while the folder is being mounted:
   * have `authorized_keys` allow it nothing but
   * `restrict,command="internal-sftp"`.
   */
  privateKey: string;
  /** Its host key, as in `/etc/ssh/ssh_host_ed25519_key.pub`: `ssh-ed25519 AAAA…`. */
  hostKey: string;
}

/** Where the server's sshfs finds folders, through a tunnel. */
export interface FolderEndpoint {
  /** The tunnel that leads there. */
  readonly tunnel: ReverseTunnel;
  /** The user that it logs in as. */
  readonly user: string;
  /** The private key that it logs in with. */
  readonly privateKey: string;
  /** The host key that it has to find there. */
  readonly hostKey: string;
  /** Stops serving; settles once all clients are gone. */
  close(): Promise<void>;
}

/**
 * Serves folders in this process, with new keys.
 *
 * The server reaches them through the session's folders port. If that is taken,
 * e.g. because the server still holds it for a connection that was lost, any other port works: x2gomountdirs gets the number with each folder.
 *
 * @throws {ForwardDeniedError} if the server will not listen at all.
 */
export async function serveFolders(
  { connection, session }: SessionAccess,
  folders: SharedFolders,
  logger: Logger,
): Promise<FolderEndpoint> {
  const [login, host] = await Promise.all([
    generateKeyPair(),
    generateKeyPair(),
  ]);
  const clients = new Set<Promise<void>>();
  const pending = new PendingLogins();
  const loggedIn = new Set<ForwardedConn>();
  const onLogin = (conn: ForwardedConn) => {
    pending.delete(conn);
    if (loggedIn.size < MAX_CLIENTS) return void loggedIn.add(conn);
    logger.warn(
      `one more SFTP client is disconnected: ${MAX_CLIENTS} are logged in`,
    );
    conn.close();
  };
  const sftp = (conn: ForwardedConn): Promise<void> => {
    pending.add(conn);
    const client = serveSftp(conn, {
      folders,
      user: USER,
      authorizedKey: login.publicKey,
      hostKey: host.privateKey,
      onLogin: () => onLogin(conn),
      logger,
    }).finally(() => {
      pending.delete(conn);
      loggedIn.delete(conn);
      clients.delete(client);
    });
    clients.add(client);
    return client;
  };
  const listen = (port: number) =>
    forward(connection, {
      bind: { port },
      target: sftp,
      bindRetry: { forMs: 0 },
      logger,
    });
  const tunnel = await listen(session.foldersPort).catch((error) => {
    if (error instanceof ForwardDeniedError) return listen(0);
    throw error;
  });
  return {
    tunnel,
    user: USER,
    privateKey: login.privateKey,
    hostKey: host.publicKey,
    async close() {
      await tunnel.stop();
      await Promise.allSettled(clients);
    },
  };
}

/** Lets another SSH server serve folders, at a port that the X2Go server chooses. */
export async function reachFolders(
  { connection }: SessionAccess,
  { hostname = "127.0.0.1", port = 22, ...login }: SshFileServer,
  logger: Logger,
): Promise<FolderEndpoint> {
  const tunnel = await forward(connection, {
    bind: { port: 0 },
    target: { hostname, port },
    logger,
  });
  return { ...login, tunnel, close: () => tunnel[Symbol.asyncDispose]() };
}
