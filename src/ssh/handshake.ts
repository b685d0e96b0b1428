import { defined } from "../defined.ts";
import { ConnectError, ProtocolError } from "../errors.ts";
import type { Deadline } from "../abort.ts";
import { formatAddress } from "../text/format_address.ts";
import { silentLogger } from "../logger.ts";
import type { ByteStream } from "../streams/byte_stream.ts";
import { ClientConnection } from "./channels/client_connection.ts";
import { startOf } from "./engine.ts";
import type { HostKey } from "./host_keys/host_key.ts";
import type { HostKeyCheck } from "./host_keys/host_keys.ts";
import type { Credentials } from "./login/credentials.ts";
import { isTransientDisconnect } from "./login/disconnect_reason.ts";
import { Login } from "./login/login.ts";
import {
  type AlgorithmLists,
  IdentificationError,
  type MessageTransport,
  type Negotiated,
  type NegotiatedDirection,
} from "./message_transport.ts";
import { nativeEngine } from "./native/native_engine.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { printable } from "../text/printable.ts";
import { type TransportEnd, transportError } from "./transport_end.ts";

/** What a handshake needs that was prepared before there was a connection. */
export interface HandshakeParts {
  options: ConnectOptions;
  where: { hostname: string; port: number; address?: string };
  stream: ByteStream;
  hostKeys: HostKeyCheck;
  credentials: Credentials;
  deadline: Deadline;
  algorithms: AlgorithmLists;
}

/** The host key that was accepted, and its signature of the session identifier. */
interface AcceptedHostKey {
  readonly key: HostKey;
  /** The key, or the certificate that it came in, as it came over the wire. */
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/** From a connected stream to an authenticated connection, or an error that says where it ended. */
export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #transport: MessageTransport;
  readonly #outcome = Promise.withResolvers<ClientConnection>();
  #hostKey: AcceptedHostKey | undefined;
  /** Why the host key was not accepted. */
  #refusal: unknown;
  #connection: ClientConnection | undefined;
  /** Aborts when the attempt is over: an answer of the user's then comes too late. */
  readonly #over = new AbortController();

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.#transport = this.#start();
  }

  /** Runs it; the stream is closed if it fails. */
  async run(): Promise<ClientConnection> {
    const { deadline } = this.#parts;
    try {
      this.#expect("did not complete the key exchange");
      this.#logIn().catch((error) => this.#outcome.reject(error));
      return await deadline.race(this.#outcome.promise);
    } catch (error) {
      this.#transport.destroy();
      await this.#transport.closed;
      throw error;
    } finally {
      this.#over.abort();
    }
  }

  #start(): MessageTransport {
    const { options, stream, algorithms } = this.#parts;
    const { engine = nativeEngine, rekey, logger = silentLogger } = options;
    return startOf(engine)({
      role: "client",
      stream,
      algorithms,
      verifyHostKey: (key, signature) => this.#verify(key, signature),
      ...defined({ rekey }),
      logger,
    });
  }

  async #verify(data: Uint8Array, signature: Uint8Array): Promise<void> {
    const { deadline, hostKeys } = this.#parts;
    // Time that a callback of the user takes does not count.
    deadline.stop();
    try {
      const key = await hostKeys.verify(data);
      this.#hostKey = { key, data, signature };
    } catch (error) {
      this.#refusal = error;
      throw error;
    }
    this.#expect("did not complete the key exchange");
  }

  async #logIn(): Promise<void> {
    const { options, credentials } = this.#parts;
    const transport = this.#transport;
    try {
      await transport.ready;
    } catch (error) {
      throw this.#explainKeyExchange(error as Error);
    }
    const { key, data, signature } = this.#hostKey!;
    const login = new Login({
      options,
      credentials,
      transport,
      binding: {
        hostKey: data,
        sessionId: transport.sessionId,
        signature,
      },
      signal: this.#over.signal,
      waitFor: (whom) => this.#waitFor(whom),
      onSuccess: () => this.#connect(key),
    });
    transport.ended.then((end) =>
      this.#outcome.reject(this.#explainEnd(end, login))
    );
    try {
      await login.run();
    } catch (error) {
      // The server's answers made no sense to what was asked.
      if (!(error instanceof ProtocolError)) throw error;
      throw this.#brokeOff(error, login);
    }
    this.#outcome.resolve(this.#connection!);
  }

  /** The user is logged in: the next message is the connection's already. */
  #connect({ fingerprint }: HostKey): void {
    const { options, where, deadline, hostKeys, algorithms } = this.#parts;
    deadline.stop();
    const transport = this.#transport;
    const { negotiated } = transport;
    this.#logNegotiated(negotiated);
    this.#connection = new ClientConnection({
      server: {
        ...where,
        user: options.user,
        software: /^SSH-[^-]*-(\S*)/.exec(transport.peerVersion)?.[1] ?? "",
        hostKeyFingerprint: fingerprint,
        cipher: {
          toServer: negotiated.toServer.cipher,
          toClient: negotiated.toClient.cipher,
        },
        negotiated,
      },
      transport,
      requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
      keepalive: options.keepalive ?? {},
      noDelay: options.noDelay,
      logger: options.logger ?? silentLogger,
      updateHostKeys: (shown, proof) =>
        hostKeys.update(shown, { ...proof, algorithms: algorithms.hostKey }),
    });
  }

  #logNegotiated(negotiated: Negotiated): void {
    const { kex, hostKey, toServer, toClient } = negotiated;
    const { logger = silentLogger } = this.#parts.options;
    const direction = ({ cipher, mac, compression }: NegotiatedDirection) =>
      [cipher, mac, compression === "none" ? "" : compression]
        .filter((name) => name !== "").join(" ");
    logger.debug(
      `agreed on ${kex}, ${hostKey}, to the server ${
        direction(toServer)
      }, to the client ${direction(toClient)}`,
    );
    if (!isPostQuantum(kex)) {
      logger.debug(
        `the key exchange ${kex} is not post-quantum: a recording of the connection could be decrypted with a future quantum computer`,
      );
    }
  }

  /** Whether the server or the user has to answer next in the login. */
  #waitFor(whom: "server" | "agent" | "user"): void {
    const { deadline, where } = this.#parts;
    if (whom === "server") {
      return this.#expect("did not answer during the login");
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
    const { deadline, where } = this.#parts;
    const time = `within ${deadline.ms} ms`;
    deadline.start(() =>
      new ConnectError(
        "connect-timeout",
        where,
        this.#transport.bytesReceived === 0
          ? `${this.#address} took the connection but said nothing ${time}; is it an SSH server?`
          : `${this.#address} ${what} ${time}`,
      )
    );
  }

  get #address(): string {
    const { where } = this.#parts;
    return formatAddress(where.hostname, where.port);
  }

  #explainKeyExchange(cause: Error): Error {
    if (cause === this.#refusal) return cause;
    if (!(cause instanceof IdentificationError)) {
      return this.#error(
        `the key exchange with ${this.#address} failed: ${
          printable(cause.message)
        }`,
        cause,
      );
    }
    if (this.#transport.bytesReceived > 0) {
      const said = JSON.stringify(printable(cause.firstLine));
      return this.#error(
        `${this.#address} does not speak SSH 2: it said ${said}`,
        cause,
      );
    }
    const why = cause.cause instanceof Error
      ? `: ${printable(cause.cause.message)}`
      : "";
    return this.#error(
      this.#parts.options.dial
        ? `the connection to ${this.#address} ended before the server identified itself${why}`
        : `${this.#address} closed the connection before identifying itself; is it an SSH server, and does it take more connections (sshd: MaxStartups)?`,
      cause,
    );
  }

  /** Why the login ended with the transport. */
  #explainEnd(end: TransportEnd, login: Login): Error {
    const cause = transportError(end);
    const said = printable(cause.message);
    const isRefusal = end.how === "disconnect" &&
      !isTransientDisconnect(end.reason, said);
    return isRefusal
      ? login.authentication.error(said, cause)
      : this.#brokeOff(cause, login);
  }

  #brokeOff(cause: Error, { authentication: { tried } }: Login): ConnectError {
    return this.#error(
      `the login to ${this.#address} broke off: ${printable(cause.message)}${
        tried.length > 0 ? ` (tried: ${tried.join(", ")})` : ""
      }`,
      cause,
    );
  }

  #error(message: string, cause: Error): ConnectError {
    const { where } = this.#parts;
    return new ConnectError("protocol-error", where, message, { cause });
  }
}

function isPostQuantum(kex: string): boolean {
  return /^(mlkem|sntrup)/.test(kex);
}
