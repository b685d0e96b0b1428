import type { Ending } from "../../ending.ts";
import { SharedTimeout } from "../../shared_timeout.ts";
import { closeQuietly } from "../../sockets/close_quietly.ts";
import type { ForwardedOpen, SshChannel } from "../../ssh/connection.ts";
import { writeAll } from "../../streams/write_all.ts";
import { DuplexRelay } from "../tunnel/duplex_relay.ts";
import { dialSocket } from "./dial_socket.ts";
import {
  type Dialer,
  type DialerOptions,
  type Endpoint,
  TARGET_TIMEOUT_MS,
} from "./dialer.ts";
import type { ProxyProtocol } from "./target.ts";

/** Who a connection is for. */
type Client = Pick<ForwardedOpen, "bind" | "originator">;

/** For our own checks: the PROXY protocol has a header for health checks, without which targets log an error. */
const OURS: Client = {
  bind: { path: "" },
  originator: { address: "", port: 0 },
};

/** Dials a TCP port or a Unix socket. */
export class SocketDialer implements Dialer {
  readonly #timeout: SharedTimeout;

  constructor(
    readonly name: string,
    readonly options: DialerOptions,
    readonly connect: (ending: Ending) => Promise<Deno.Conn>,
    readonly proxyProtocol?: ProxyProtocol,
  ) {
    const { targetTimeoutMs = TARGET_TIMEOUT_MS } = options;
    this.#timeout = new SharedTimeout(targetTimeoutMs);
  }

  async dial(open: ForwardedOpen, signal: AbortSignal): Promise<Endpoint> {
    const conn = await this.#dial(open, signal);
    return new SocketEndpoint(conn, this.options.lingerMs);
  }

  async check(signal: AbortSignal): Promise<void> {
    closeQuietly(await this.#dial(OURS, signal));
  }

  #dial(client: Client, signal: AbortSignal): Promise<Deno.Conn> {
    const version = this.proxyProtocol;
    const connect = version === undefined
      ? this.connect
      : (ending: Ending) => this.#introduce(version, client, ending);
    return dialSocket(this.name, connect, signal, this.#timeout);
  }

  /** Connects, and says who comes. */
  async #introduce(
    version: ProxyProtocol,
    client: Client,
    ending: Ending,
  ): Promise<Deno.Conn> {
    const { proxyHeader } = await import("../proxy_protocol/proxy_header.ts");
    const conn = await this.connect(ending);
    try {
      await writeAll(conn, proxyHeader(version, client));
      return conn;
    } catch (error) {
      closeQuietly(conn);
      throw error;
    }
  }
}

/** A socket that is connected to the target. */
class SocketEndpoint implements Endpoint {
  readonly #conn: Deno.Conn;
  readonly #lingerMs: number | undefined;

  constructor(conn: Deno.Conn, lingerMs: number | undefined) {
    this.#conn = conn;
    this.#lingerMs = lingerMs;
  }

  async serve(channel: SshChannel, ending: Ending): Promise<void> {
    const relay = new DuplexRelay(channel, this.#conn, this.#lingerMs);
    ending.onEnd((reason) => relay.fail(reason));
    await relay.run();
  }

  abandon(): void {
    closeQuietly(this.#conn);
  }
}
