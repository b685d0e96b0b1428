import type { Buffer } from "node:buffer";
import {
  ArgumentError,
  AuthenticationError,
  ConnectError,
  ConnectionLostError,
} from "../errors.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { accelerate } from "./cipher/accelerate.ts";
import type { Credentials } from "./login/attempts.ts";
import { Authentication } from "./login/auth.ts";
import { isTransientDisconnect } from "./login/disconnect_reason.ts";
import type { Deadline } from "../deadline.ts";
import { formatAddress } from "../format_address.ts";
import {
  fingerprint,
  type HostKey,
  type HostKeyCheck,
} from "./host_keys/host_keys.ts";
import type { ConnectOptions } from "./options.ts";
import { printable, printableLines } from "./printable.ts";
import {
  type AnyAuthMethod,
  type AuthenticationHandlers,
  type Client,
  type ConnectConfig,
  createClient,
  type NegotiatedAlgorithms,
  protocolOf,
  softwareOf,
} from "./ssh2.ts";
import { ClientConnection } from "./channels/client_connection.ts";
import type { Ssh2Socket } from "./ssh2_socket.ts";

/** What a handshake needs that was prepared before there was a connection. */
export interface HandshakeParts {
  options: ConnectOptions;
  where: { host: string; port: number; address?: string };
  socket: Ssh2Socket;
  hostKeys: HostKeyCheck;
  credentials: Credentials;
  deadline: Deadline;
  algorithms: ConnectConfig["algorithms"];
}

/** From a connected socket to an authenticated connection, or an error that tells where it ended. */
export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #logger: Logger;
  readonly #client: Client = createClient();
  readonly #outcome = Promise.withResolvers<ClientConnection>();
  readonly #auth: Authentication;
  /** The key that was accepted. */
  #hostKey: HostKey | undefined;
  #negotiated: NegotiatedAlgorithms | undefined;
  #connection: ClientConnection | undefined;
  /** Aborts when nobody waits any more: an answer that the user gives then comes too late. */
  readonly #over = new AbortController();

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.#logger = parts.options.logger ?? silentLogger;
    this.#auth = new Authentication(parts.options, parts.credentials, {
      signal: this.#over.signal,
      waitFor: (whom) => this.#waitFor(whom),
      fail: (error) => this.#outcome.reject(error),
    });
  }

  /** Runs it. Who called closes the socket if it fails. */
  async run(): Promise<ClientConnection> {
    const { deadline } = this.#parts;
    this.#client
      .on("handshake", (negotiated) => this.#negotiated = negotiated)
      .on("banner", (text) => this.#onBanner(text))
      .on("ready", () => this.#ready())
      .on("error", (error) => this.#onError(error))
      .on("change password", () => this.#onPasswordExpired())
      .on("close", () => this.#outcome.reject(this.#explain()));
    try {
      this.#connect();
      this.#expect("did not go through the key exchange");
      return await deadline.race(this.#outcome.promise);
    } finally {
      this.#over.abort();
    }
  }

  #connect(): void {
    const { options, socket, algorithms } = this.#parts;
    try {
      this.#client.connect({
        username: options.user,
        // What carries it only has to do what ssh2 asks of it.
        sock: socket as unknown as NonNullable<ConnectConfig["sock"]>,
        algorithms,
        readyTimeout: 0,
        authHandler: (
          _acceptable: readonly string[] | null,
          _partial: boolean,
          proceed: (next: AnyAuthMethod | false) => void,
        ) => this.#tryNext(proceed),
        hostVerifier: (key: Buffer, verify: (good: boolean) => void) =>
          this.#verify(key, verify),
      } as ConnectConfig);
    } catch (cause) {
      const { message } = cause as Error;
      const lists = Object.entries(options.algorithms ?? {});
      const list = lists.find(([, names]) =>
        names.some((name: string) => message.endsWith(`: ${name}`))
      );
      const argument = list ? `algorithms.${list[0]}` : "algorithms";
      throw new ArgumentError(argument, printable(message), { cause });
    }
    const protocol = protocolOf(this.#client);
    this.#watchFailures(protocol._handlers);
    this.#chooseRsaAlgorithms(protocol._handlers);
    accelerate(protocol, this.#parts.socket);
  }

  /** What to try next; nothing more once the user is in, whatever the server says. */
  #tryNext(
    proceed: (next: AnyAuthMethod | false) => void,
  ): AnyAuthMethod | false | undefined {
    if (this.#connection) return undefined;
    return this.#isVerified() && this.#auth.next(proceed);
  }

  /**
   * Sees to it that what the server wants next is what is tried next. ssh2
   * goes on with an agent's keys, whatever the server would accept, and never
   * tells what it said then: where it wants a key and a password, the key
   * would be the end of it.
   */
  #watchFailures(handlers: AuthenticationHandlers): void {
    const { USERAUTH_FAILURE } = handlers;
    handlers.USERAUTH_FAILURE = (p, acceptable, partial) => {
      this.#auth.onFailure(acceptable);
      if (acceptable.includes("publickey")) {
        USERAUTH_FAILURE(p, acceptable, partial);
      } else {
        handlers.SERVICE_ACCEPT(p, "ssh-userauth");
      }
    };
  }

  /**
   * Has ssh2 sign with the RSA algorithm that the login chooses: on its own it
   * uses SHA-256 wherever the server announces it. ssh2 looks into this list
   * for each key anew.
   */
  #chooseRsaAlgorithms(handlers: AuthenticationHandlers): void {
    const name = "server-sig-algs";
    const { EXT_INFO } = handlers;
    EXT_INFO(undefined, [{ name, algs: this.#auth.rsaAlgorithm }]);
    handlers.EXT_INFO = (_, extensions) => {
      const announced = extensions.find((it) => it.name === name);
      if (announced) this.#auth.onSignatureAlgorithms(announced.algs);
    };
  }

  /**
   * Answers whether the host key is good. In a re-exchange that is known at
   * once, and has to be said at once: ssh2 garbles what is sent between the
   * server's NEWKEYS and a later answer. It has to be the same key again.
   */
  #verify(key: Buffer, verify: (good: boolean) => void): void {
    if (this.#hostKey) {
      const same = this.#hostKey.fingerprint === fingerprint(key);
      if (!same) this.#lose("the server showed another host key than before");
      return verify(same);
    }
    const { deadline, hostKeys } = this.#parts;
    // Time that a callback of the user takes does not count.
    deadline.stop();
    hostKeys.verify(key).then((accepted) => {
      if (this.#over.signal.aborted) return;
      this.#hostKey = accepted;
      this.#expect("did not finish the key exchange");
      verify(true);
    }, (error) => {
      if (this.#over.signal.aborted) return;
      this.#outcome.reject(error);
      verify(false);
    }).catch((error) => this.#outcome.reject(this.#explain(error)));
  }

  /**
   * Whether the host key was verified; if not, the server is up to no good.
   *
   * While the answer is awaited, ssh2 takes what the server sends behind its
   * NEWKEYS, and would send passwords if it is asked, even as plain text.
   */
  #isVerified(): boolean {
    if (this.#negotiated) return true;
    const { where } = this.#parts;
    const address = formatAddress(where.host, where.port);
    this.#outcome.reject(
      new ConnectError(
        "protocol-error",
        where,
        `${address} went on before its host key was verified; no secret was sent`,
      ),
    );
    return false;
  }

  /** USERAUTH_BANNER; who is not verified or has nothing more to ask is not listened to. */
  #onBanner(text: string): void {
    if (this.#connection || !this.#isVerified()) return;
    const lines = printableLines(text);
    try {
      if (lines.length > 0) this.#parts.options.onBanner?.(lines.join("\n"));
    } catch (error) {
      this.#outcome.reject(error);
    }
  }

  /** Runs inside ssh2's handler of USERAUTH_SUCCESS: the next message is ours already. */
  #ready(): void {
    // A server that lets the user in once more is not to be minded.
    if (this.#connection || !this.#isVerified()) return;
    const { options, where, socket, deadline } = this.#parts;
    deadline.stop();
    try {
      this.#connection = new ClientConnection({
        server: {
          ...where,
          user: options.user,
          software: softwareOf(this.#client) ?? "",
          hostKeyFingerprint: this.#hostKey?.fingerprint ?? "",
          cipher: {
            toServer: this.#negotiated?.cs.cipher ?? "",
            toClient: this.#negotiated?.sc.cipher ?? "",
          },
        },
        protocol: protocolOf(this.#client),
        socket,
        disconnect: () => this.#client.end(),
        requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
        keepalive: options.keepalive ?? {},
        logger: this.#logger,
      });
      this.#outcome.resolve(this.#connection);
    } catch (error) {
      this.#outcome.reject(error);
    }
  }

  #onError(error: Error & { level?: string; code?: unknown }): void {
    if (error.level === "agent") {
      // There are other ways to log in.
      return void this.#logger.warn(error.message);
    }
    if (!this.#connection) return this.#outcome.reject(this.#explain(error));
    const said = reasonOf(error);
    this.#lose(
      typeof error.code === "number"
        ? `the server ended the connection: ${said}`
        : `the connection broke: ${said}`,
      error,
    );
  }

  #lose(message: string, cause?: Error): void {
    this.#connection?.fail(
      new ConnectionLostError(message, cause ? { cause } : undefined),
    );
  }

  #onPasswordExpired(): void {
    this.#outcome.reject(
      new AuthenticationError(
        "authentication-failed",
        `the password of ${this.#parts.options.user} has expired; log in with ssh to set a new one`,
      ),
    );
  }

  /** Somebody is to answer in authentication. */
  #waitFor(whom: "server" | "agent" | "user"): void {
    const { deadline, where } = this.#parts;
    if (whom === "server") {
      return this.#expect("did not answer in authentication");
    }
    // Time that a callback of the user takes does not count.
    if (whom === "user") return deadline.stop();
    deadline.start(() =>
      new ConnectError(
        "connect-timeout",
        where,
        `the SSH agent did not answer within ${deadline.ms} ms`,
      )
    );
  }

  /** Starts the time limit of the server's next stage. */
  #expect(what: string): void {
    const { deadline, where, socket } = this.#parts;
    const address = formatAddress(where.host, where.port);
    const time = `within ${deadline.ms} ms`;
    deadline.start(() =>
      new ConnectError(
        "connect-timeout",
        where,
        socket.bytesRead === 0
          ? `${address} took the connection but said nothing ${time}; is it an SSH server?`
          : `${address} ${what} ${time}`,
      )
    );
  }

  #explain(cause?: Error & { level?: string; code?: unknown }): Error {
    const { where, socket } = this.#parts;
    const address = formatAddress(where.host, where.port);
    const options = cause ? { cause } : undefined;
    const error = (message: string) =>
      new ConnectError("protocol-error", where, message, options);
    if (cause?.level === "client-authentication") return this.#auth.error("");
    if (socket.bytesRead === 0) {
      return error(
        this.#parts.options.dial
          ? `the way to ${address} ended before a word came from there${
            cause ? `: ${printable(cause.message)}` : ""
          }`
          : `${address} closed the connection without a word; is it an SSH server, and does it take more connections (sshd: MaxStartups)?`,
      );
    }
    if (softwareOf(this.#client) === undefined) {
      const said = JSON.stringify(printable(socket.greeting.firstLine));
      return error(`${address} does not speak SSH 2: it said ${said}`);
    }
    const said = cause ? reasonOf(cause) : "the server closed the connection";
    if (!this.#negotiated) {
      return error(`the key exchange with ${address} failed: ${said}`);
    }
    // A number is the reason code of the server's DISCONNECT.
    const isRefusal = typeof cause?.code === "number" &&
      !isTransientDisconnect(cause.code, said);
    if (isRefusal) return this.#auth.error(said, cause);
    const { tried } = this.#auth;
    return error(
      `the login to ${address} broke off: ${said}${
        tried.length > 0 ? ` (tried: ${tried.join(", ")})` : ""
      }`,
    );
  }
}

/** What went wrong, in words: ssh2 trips over messages that come out of turn. */
function reasonOf(cause: Error): string {
  return cause instanceof TypeError || cause instanceof RangeError
    ? "the server sent a message out of turn, or one that cannot be read"
    : printable(cause.message);
}
