import type { ForwardedOpen } from "../../ssh/connection.ts";
import type { SocksContext } from "../socks/serve_socks.ts";
import type { SocksOptions } from "../socks/socks_target.ts";
import {
  type Dialer,
  type DialerOptions,
  type Endpoint,
  TARGET_TIMEOUT_MS,
} from "./dialer.ts";
import { SharedTimeout } from "../../shared_timeout.ts";
import { ForwardedConn } from "../tunnel/forwarded_conn.ts";

/** Asks each client where it wants to go. The proxy is loaded with the first of them. */
export class SocksDialer implements Dialer {
  readonly name: string;
  readonly #options: SocksOptions;
  readonly #dialing: DialerOptions;
  #context: SocksContext | undefined;

  constructor(options: SocksOptions, dialing: DialerOptions) {
    const { permit = "public" } = options;
    this.name = `SOCKS (${[permit].flat().join(" ")})`;
    this.#options = options;
    this.#dialing = dialing;
  }

  async dial(open: ForwardedOpen): Promise<Endpoint> {
    const [{ serveSocks }, { Destinations }] = await Promise.all([
      import("../socks/serve_socks.ts"),
      import("../socks/destinations.ts"),
    ]);
    const context = this.#context ??= {
      options: this.#options,
      destinations: new Destinations(this.#options.permit ?? "public"),
      timeout: new SharedTimeout(
        this.#dialing.targetTimeoutMs ?? TARGET_TIMEOUT_MS,
      ),
      lingerMs: this.#dialing.lingerMs,
    };
    return {
      serve: (channel, { signal }) =>
        serveSocks(new ForwardedConn(channel, open), context, signal),
      abandon: () => {},
    };
  }
}
