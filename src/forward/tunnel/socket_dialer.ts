import type { ForwardedOpen } from "../../ssh/connection.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import { dialSocket } from "./dial_socket.ts";
import type { Dialer, DialerOptions, Endpoint } from "./dialer.ts";
import { relay } from "./relay.ts";
import { defined } from "../../defined.ts";

/** Dials a TCP port or a Unix socket. */
export class SocketDialer implements Dialer {
  constructor(
    readonly name: string,
    readonly options: DialerOptions,
    readonly connect: (signal: AbortSignal) => Promise<Deno.Conn>,
  ) {}

  async dial(_open: ForwardedOpen, signal: AbortSignal): Promise<Endpoint> {
    const { targetTimeoutMs, lingerMs } = this.options;
    const conn = await dialSocket(
      this.name,
      this.connect,
      signal,
      targetTimeoutMs,
    );
    return {
      async serve(channel, signal) {
        await relay(channel, conn, defined({ signal, lingerMs }));
      },
      abandon: () => closeQuietly(conn),
    };
  }
}
