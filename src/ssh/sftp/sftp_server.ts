import type { Socket } from "node:net";
import type { AuthContext, CipherAlgorithm, Connection, ParsedKey } from "ssh2";
import { ArgumentError } from "../../errors.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { checkMs, checkText } from "../../validate.ts";
import { accelerate } from "../cipher/accelerate.ts";
import ssh2 from "../npm_ssh2.ts";
import { printable } from "../printable.ts";
import { type ServerProtocol, SftpConnection } from "./sftp_connection.ts";
import type { SharedFolders } from "./shared_folders.ts";
import { type Client, parseKey, protocolOf } from "../ssh2.ts";
import type { ByteStream } from "../byte_stream.ts";
import { Ssh2Socket } from "../ssh2_socket.ts";

export type { ByteStream } from "../byte_stream.ts";

/** Refused attempts to log in that end the connection: an agent may offer some keys before ours. */
const MAX_ATTEMPTS = 32;

/** Those that need no MAC; every OpenSSH since 2014 has them all. */
const CIPHERS: CipherAlgorithm[] = [
  "chacha20-poly1305@openssh.com",
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
];

/** What is served, and to whom. */
export interface SftpServerOptions {
  /** What the client may reach; folders may come and go meanwhile. */
  folders: SharedFolders;
  /** The one user name that may log in. */
  user: string;
  /** The one key that may log in, as a public key line: `ssh-ed25519 AAAA…`. */
  authorizedKey: string;
  /** The host key: an ed25519 private key in OpenSSH's format, see `generateKeyPair`. */
  hostKey: string;
  /** Ends it at once. */
  signal?: AbortSignal;
  /** How long the client may take to log in, in milliseconds; 30000 by default. */
  loginTimeoutMs?: number;
  /** Called when the client has logged in. */
  onLogin?: () => void;
  /** Told who logs in and what is refused; silent by default. */
  logger?: Logger;
}

/**
 * Serves SFTP, and nothing else, to one SSH client at the other end of a byte
 * stream: no port is opened and no file outside the folders can be reached.
 * Clients name files by their real paths on this machine.
 *
 * The client has to know the host key, log in as `user` with the one key, and
 * may then open sessions for the subsystem `sftp` (version 3 with OpenSSH's
 * extensions; what sshfs, sftp and scp use). A client that fails to is no
 * error here: it is logged.
 *
 * Deno has to be allowed to read the folders, to write them unless they are
 * shared read-only, and `--allow-sys=statfs` for `df`. Symbolic links can be
 * made only with unlimited `--allow-read` and `--allow-write`.
 *
 * @param stream The client. It is closed in any case.
 * @returns when the stream is closed and so is all that the client had open.
 * @throws {ArgumentError} if an option cannot be used.
 *
 * @example
 * ```ts ignore
 * const folders = new SharedFolders();
 * await folders.add({ path: "/home/me/Documents" });
 * const [login, host] = [await generateKeyPair(), await generateKeyPair()];
 * await serveSftp(stream, {
 *   folders,
 *   user: "me",
 *   authorizedKey: login.publicKey,
 *   hostKey: host.privateKey,
 * });
 * ```
 */
export async function serveSftp(
  stream: ByteStream,
  options: SftpServerOptions,
): Promise<void> {
  const { folders, user, signal, logger = silentLogger } = options;
  const socket = new Ssh2Socket(stream);
  const stop = () => void socket.destroy();
  let loginTimer: ReturnType<typeof setTimeout> | undefined;
  let connection: SftpConnection | undefined;
  try {
    checkText("user", user, "user name");
    checkMs("loginTimeoutMs", options.loginTimeoutMs);
    const authorized = readKey(
      "authorizedKey",
      options.authorizedKey,
      "public",
    );
    const hostKey = readKey("hostKey", options.hostKey, "private");
    loginTimer = setTimeout(() => {
      logger.warn("the SFTP client did not log in in time");
      stop();
    }, options.loginTimeoutMs ?? 30_000);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    acceptClient(socket, hostKey, (client) => {
      const protocol = protocolOf(client as unknown as Client);
      accelerate(protocol, socket);
      client.on("error", (error) => {
        logger.debug(`the SFTP client's connection failed: ${error}`, error);
      });
      client.on("authentication", loginDecider(client, options, authorized));
      client.on("ready", () => {
        clearTimeout(loginTimer);
        logger.debug(`${user} logged in for SFTP`);
        options.onLogin?.();
        connection = new SftpConnection(
          protocol as ServerProtocol,
          socket,
          folders,
          logger,
        );
      });
    });
    await socket.closed;
  } finally {
    clearTimeout(loginTimer);
    signal?.removeEventListener("abort", stop);
    stop();
    await connection?.end();
  }
}

/** Has ssh2 speak SSH on a socket up to the login, and tells once the client has told its version. */
function acceptClient(
  socket: Ssh2Socket,
  hostKey: ParsedKey,
  onClient: (client: Connection) => void,
): void {
  const server = new ssh2.Server({
    hostKeys: [{ key: hostKey }],
    ident: "rforward",
    // A dead client is found by what carries the stream. As ssh2 takes 0 for
    // its default, the longest time there is.
    keepaliveInterval: 2 ** 31 - 1,
    algorithms: { cipher: CIPHERS, compress: ["none"] },
  }, onClient);
  server.injectSocket(socket as unknown as Socket);
}

/** Lets in who has the right name and proves to have the right key. */
function loginDecider(
  client: Connection,
  { user, logger = silentLogger }: SftpServerOptions,
  key: ParsedKey,
): (request: AuthContext) => void {
  let refused = 0;
  const isRight = (request: AuthContext) => {
    if (request.method !== "publickey" || request.username !== user) {
      return false;
    }
    const { key: { algo, data }, signature, blob, hashAlgo } = request;
    if (algo !== key.type || !key.getPublicSSH().equals(data)) return false;
    // Without a signature, the client only asks whether it should make one.
    if (!signature) return true;
    return blob !== undefined && key.verify(blob, signature, hashAlgo) === true;
  };
  return (request) => {
    if (isRight(request)) return request.accept();
    refused++;
    // "none" is how a client asks for the methods there are.
    if (request.method !== "none") {
      logger.debug(
        `a client may not log in for SFTP as ${
          printable(request.username)
        } by this ${request.method}`,
      );
    }
    if (refused < MAX_ATTEMPTS) return request.reject(["publickey"]);
    client.end();
  };
}

/** @throws {ArgumentError} unless it is an ed25519 key, the one type that is used here. */
function readKey(
  argument: string,
  text: string,
  half: "public" | "private",
): ParsedKey {
  const key = parseKey(text);
  if (
    !(key instanceof Error) && key.type === "ssh-ed25519" &&
    key.isPrivateKey() === (half === "private")
  ) return key;
  throw new ArgumentError(
    argument,
    `is no ${half} ed25519 key in OpenSSH's format; generateKeyPair() makes one`,
  );
}
