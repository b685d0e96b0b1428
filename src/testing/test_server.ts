import { ArgumentError } from "../errors.ts";
import { type Logger, silentLogger } from "../logger.ts";
import type { Bind } from "../ssh/connection.ts";
import { generateKeyPair } from "../ssh/keys/private/key_pair.ts";
import { checkMs } from "../validate.ts";
import { parseAuthorizedKeys } from "./accounts.ts";
import type { CommandHandler, ShellHandler } from "./command.ts";
import { ServedHostKey } from "./served_host_key.ts";
import { type Manners, manners, type Profile } from "./profile.ts";
import { ServedConnection, type Service } from "./served_connection.ts";

/** Options of {@linkcode startTestServer}. */
export interface TestServerOptions {
  /**
   * The only user.
   *
   * @default {"tester"}
   */
  user?: string;
  /** The user's password; a random one by default. */
  password?: string;
  /** Public keys that are accepted too, one a line as in `id_ed25519.pub`. */
  authorizedKeys?: string;
  /**
   * Asks for the password by `keyboard-interactive` instead of `password`.
   *
   * @default {false}
   */
  keyboardInteractive?: boolean;
  /** Runs commands; without it, they are refused. */
  exec?: CommandHandler;
  /** Runs shells; without it, they are refused. */
  shell?: ShellHandler;
  /**
   * Behaves like a public tunnel service instead of sshd. Then each forward
   * has a free port of 127.0.0.1 for its visitors, whatever port was asked for;
   * the session says which. `exec` and `shell` cannot be given, and Unix
   * sockets are refused.
   */
  profile?: Profile;
  /** Ends a connection that has had no session for so many milliseconds, as some tunnel services do; never by default. */
  sessionWithinMs?: number;
  /** Whether a client may bind this; everything by default. */
  allowForward?: (bind: Bind) => boolean;
  /** The host key as PEM or OpenSSH text; a new ed25519 key by default. */
  hostKey?: string;
  /** Where to listen; a free port of 127.0.0.1 by default. */
  listen?: { hostname?: string; port?: number };
  /** Logs refused requests and lost clients; silent by default. */
  logger?: Logger;
}

/** An SSH server in this process; see {@linkcode startTestServer}. */
export interface TestServer extends AsyncDisposable {
  /** The address it listens at. */
  readonly hostname: string;
  /** The port it listens at. */
  readonly port: number;
  /** The user it accepts. */
  readonly user: string;
  /** The user's password. */
  readonly password: string;
  /** The host key's fingerprint as `ssh-keygen -l` prints it: `SHA256:…`. */
  readonly hostKeyFingerprint: string;
  /** The host key as the line of a known_hosts file. */
  readonly knownHosts: string;
  /** Connections that are up, authenticated or not. */
  readonly connections: number;
  /** What is bound now: addresses as the clients asked, ports as they were chosen. */
  readonly forwards: readonly Bind[];
  /**
   * Drops every connection without DISCONNECT, like a server that crashed. Settles
   * when all that was open for them is released; new ones are welcome.
   */
  disconnectAll(): Promise<void>;
  /**
   * Stops listening and drops every connection. Settles when every port, Unix
   * socket and socket is released, and every command has ended.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an SSH server in this process, for tests and demonstrations: it puts
 * no limits on its clients.
 *
 * It listens for its clients as OpenSSH's sshd does with `GatewayPorts
 * clientspecified` (`tcpip-forward`, `streamlocal-forward@openssh.com` and
 * their cancelling), with real sockets; a Unix socket's path is removed at its
 * end. It connects for them (`direct-tcpip`), and runs commands if it is given
 * a handler. Other than sshd's, its `::` takes IPv4 too.
 *
 * Needs `--allow-net`, and `--allow-read` and `--allow-write` for Unix sockets.
 *
 * @returns a server that listens; dispose of it to stop it.
 * @throws {ArgumentError} if a key cannot be parsed, the port is in use, or an option is not valid.
 *
 * @example
 * ```ts
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer({
 *   exec: async (command, { stdout }) => {
 *     const writer = stdout.getWriter();
 *     await writer.write(new TextEncoder().encode(`you asked for ${command}\n`));
 *     return 0;
 *   },
 * });
 * console.log(`ssh -p ${server.port} ${server.user}@${server.hostname}`);
 * ```
 */
export async function startTestServer(
  options: TestServerOptions = {},
): Promise<TestServer> {
  const privateKey = options.hostKey ?? (await generateKeyPair()).privateKey;
  return new ListeningServer(options, new ServedHostKey(privateKey));
}

class ListeningServer implements TestServer {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly hostKeyFingerprint: string;
  readonly knownHosts: string;

  readonly #service: Service;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<ServedConnection>();
  readonly #accepting: Promise<void>;
  #disposing: Promise<void> | undefined;

  constructor(options: TestServerOptions, hostKey: ServedHostKey) {
    this.user = options.user ?? "tester";
    this.password = options.password ?? crypto.randomUUID();
    const behaviour = mannersOf(options);
    checkMs("sessionWithinMs", options.sessionWithinMs);
    this.#service = {
      hostKey: hostKey.key,
      account: {
        user: this.user,
        password: this.password,
        keys: parseAuthorizedKeys(options.authorizedKeys ?? ""),
        keyboardInteractive: behaviour?.asksNothing
          ? "no questions"
          : options.keyboardInteractive ?? false,
      },
      exec: options.exec,
      shell: options.shell,
      manners: behaviour,
      sessionWithinMs: options.sessionWithinMs,
      allowForward: options.allowForward ?? (() => true),
      logger: options.logger ?? silentLogger,
    };
    this.#listener = listen(options.listen);
    this.hostname = this.#listener.addr.hostname;
    this.port = this.#listener.addr.port;
    this.hostKeyFingerprint = hostKey.fingerprint;
    this.knownHosts = hostKey.knownHostsLine(this.hostname, this.port);
    this.#accepting = this.#accept();
  }

  get connections(): number {
    return this.#connections.size;
  }

  get forwards(): readonly Bind[] {
    return Array.from(this.#connections, (one) => one.forwards).flat();
  }

  async disconnectAll(): Promise<void> {
    await Promise.all(Array.from(this.#connections, (one) => one.drop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposing ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await this.disconnectAll();
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) this.#serve(conn);
    } catch (error) {
      this.#service.logger.error(
        `the test server takes no more connections: ${error}`,
        error,
      );
    }
  }

  #serve(conn: Deno.TcpConn): void {
    const connection = new ServedConnection(conn, this.#service);
    this.#connections.add(connection);
    connection.closed.then(() => this.#connections.delete(connection));
  }
}

function mannersOf(
  { profile, exec, shell }: TestServerOptions,
): Manners | undefined {
  if (profile === undefined) return undefined;
  if (!Object.hasOwn(manners, profile)) {
    const names = Object.keys(manners).join(", ");
    throw new ArgumentError("profile", `use one of ${names}`);
  }
  if (exec || shell) {
    throw new ArgumentError(
      exec ? "exec" : "shell",
      "cannot be given with a profile, which serves sessions itself",
    );
  }
  return manners[profile];
}

function listen(
  { hostname = "127.0.0.1", port = 0 }: { hostname?: string; port?: number } =
    {},
): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (cause) {
    throw new ArgumentError(
      "listen",
      `cannot listen at ${hostname} port ${port}: ${cause}`,
      { cause },
    );
  }
}
