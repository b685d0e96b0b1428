import { onAbort } from "../abort.ts";
import { ArgumentError } from "../errors.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { checkMs, checkText } from "../validate.ts";
import type { ByteStream } from "../streams/byte_stream.ts";
import { keyType } from "../ssh/keys/public/key_blob.ts";
import { loadPrivateKey } from "../ssh/login/user_keys/private_keys.ts";
import { publicHalf } from "../ssh/login/user_keys/public_keys.ts";
import type { SigningKey } from "../ssh/keys/private/signing_key.ts";
import { nativeEngine } from "../ssh/native/native_engine.ts";
import { startNativeTransport } from "../ssh/native/native_transport.ts";
import { transportError } from "../ssh/transport_end.ts";
import { SftpConnection } from "./sftp_connection.ts";
import { KEY_TYPE, SftpLogin } from "./sftp_login.ts";
import type { SharedFolders } from "./files/shared_folders.ts";

export type { ByteStream } from "../streams/byte_stream.ts";

/** Those that need no MAC; every OpenSSH since 2014 has them all. */
const CIPHERS = [
  "chacha20-poly1305@openssh.com",
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
];

/** Options of the SFTP server: the user, the keys and the time limit. */
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
  /** Logger; silent by default. */
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
 * shared read-only, and `--allow-sys=statfs` for `df` and to learn which folders
 * are on a local disk: elsewhere a thread carries out every request, which is
 * slower. Symbolic links can be made only with unlimited `--allow-read` and
 * `--allow-write`.
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
  let keys: { authorized: Uint8Array; host: SigningKey };
  try {
    keys = await check(options);
  } catch (error) {
    await stream.close();
    throw error;
  }
  if (signal?.aborted) return await stream.close();
  const { kex, mac, compression } = nativeEngine.defaultAlgorithms;
  const { supportedAlgorithms } = nativeEngine;
  const transport = startNativeTransport({
    role: "server",
    stream,
    hostKeys: [keys.host],
    serverSigAlgs: [KEY_TYPE],
    algorithms: {
      ...{ kex, hostKey: [KEY_TYPE], mac, compression },
      cipher: CIPHERS.filter((it) => supportedAlgorithms.cipher.includes(it)),
    },
    logger,
  });
  const stop = () => transport.destroy();
  using _stop = onAbort(signal, stop);
  const loginTimer = setTimeout(() => {
    logger.warn("the SFTP client did not log in in time");
    stop();
  }, options.loginTimeoutMs ?? 30_000);
  const connection = new SftpConnection(transport, folders, logger);
  const login = new SftpLogin(
    transport,
    { user, key: keys.authorized },
    logger,
    () => {
      clearTimeout(loginTimer);
      logger.debug(`${user} logged in for SFTP`);
      options.onLogin?.();
      transport.receive((message) => connection.receive(message));
    },
  );
  transport.receive((message) => login.receive(message));
  try {
    const end = await transport.ended;
    if (end.how === "error") {
      const error = transportError(end);
      logger.debug(`the SFTP client's connection failed: ${error}`, error);
    }
    await transport.closed;
  } finally {
    clearTimeout(loginTimer);
    await connection.end();
  }
}

/** @throws {ArgumentError} if an option cannot be used. */
async function check(
  options: SftpServerOptions,
): Promise<{ authorized: Uint8Array; host: SigningKey }> {
  checkText("user", options.user, "user name");
  checkMs("loginTimeoutMs", options.loginTimeoutMs);
  const { authorizedKey } = options;
  const authorized = authorizedKey.startsWith(KEY_TYPE)
    ? publicHalf(authorizedKey)
    : undefined;
  if (!authorized || keyType(authorized) !== KEY_TYPE) {
    throw notAKey("authorizedKey", "public");
  }
  return { authorized, host: await readHostKey(options.hostKey) };
}

async function readHostKey(text: string): Promise<SigningKey> {
  try {
    const loaded = await loadPrivateKey({ text }, silentLogger);
    const key = loaded && "key" in loaded ? loaded.key : undefined;
    if (key && keyType(key.blob) === KEY_TYPE) return key;
  } catch {
    // Drop the error: its message could hold a part of the key.
  }
  throw notAKey("hostKey", "private");
}

function notAKey(argument: string, half: "public" | "private"): ArgumentError {
  return new ArgumentError(
    argument,
    `is no ${half} ed25519 key in OpenSSH's format; generateKeyPair() makes one`,
  );
}
