import type { ForwardedOpen } from "../../ssh/connection.ts";
import { closeQuietly } from "../../sockets/close_quietly.ts";
import { writeAll } from "../../streams/write_all.ts";
import { dialSocket } from "./dial_socket.ts";
import type { Dialer, DialerOptions, Endpoint } from "./dialer.ts";
import { relay } from "../tunnel/relay.ts";
import type { ProxyProtocol } from "./target.ts";
import { defined } from "../../defined.ts";

/** Dials a TCP port or a Unix socket. */
export class SocketDialer implements Dialer {
  constructor(
    readonly name: string,
    readonly options: DialerOptions,
    readonly connect: (signal: AbortSignal) => Promise<Deno.Conn>,
    readonly proxyProtocol?: ProxyProtocol,
  ) {}

  async dial(open: ForwardedOpen, signal: AbortSignal): Promise<Endpoint> {
    const { lingerMs } = this.options;
    const conn = await this.#dial((signal) => this.#open(open, signal), signal);
    return {
      async serve(channel, signal) {
        await relay(channel, conn, defined({ signal, lingerMs }));
      },
      abandon: () => closeQuietly(conn),
    };
  }

  async check(signal: AbortSignal): Promise<void> {
    closeQuietly(await this.#dial(this.connect, signal));
  }

  #dial(
    connect: (signal: AbortSignal) => Promise<Deno.Conn>,
    signal: AbortSignal,
  ): Promise<Deno.Conn> {
    const { targetTimeoutMs } = this.options;
    return dialSocket(this.name, connect, signal, targetTimeoutMs);
  }

  async #open(open: ForwardedOpen, signal: AbortSignal): Promise<Deno.Conn> {
    if (this.proxyProtocol === undefined) return await this.connect(signal);
    const { proxyHeader } = await import("../proxy_protocol/proxy_header.ts");
    const conn = await this.connect(signal);
    try {
      await writeAll(conn, proxyHeader(this.proxyProtocol, open));
      return conn;
    } catch (error) {
      closeQuietly(conn);
      throw error;
    }
  }
}
