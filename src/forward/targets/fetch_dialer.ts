import { TargetError } from "../../errors.ts";
import type { ForwardedOpen } from "../../ssh/connection.ts";
import type { FetchTarget } from "../http/fetch_target.ts";
import type { HttpServer } from "../http/http_server.ts";
import type { Dialer, DialerOptions, Endpoint } from "./dialer.ts";
import { connAddresses } from "../tunnel/forwarded_conn.ts";

/** Hands requests to a function in this process. What speaks HTTP is loaded with the first connection. */
export class FetchDialer implements Dialer {
  readonly name: string;
  readonly #target: FetchTarget;
  readonly #options: DialerOptions;
  #server: Promise<HttpServer> | undefined;
  #isDraining = false;

  constructor(target: FetchTarget, options: DialerOptions) {
    const { name } = target.fetch;
    // An arrow function in `{ fetch: … }` has that name.
    this.name = name && name !== "fetch"
      ? name
      : "a fetch handler in this process";
    this.#target = target;
    this.#options = options;
  }

  async dial(open: ForwardedOpen): Promise<Endpoint> {
    const server = await (this.#server ??= this.#start());
    return {
      serve: (channel, signal) =>
        server.serve(channel, connAddresses(open), signal),
      abandon: () => {},
    };
  }

  drain(): void {
    this.#isDraining = true;
    this.#server?.then((server) => server.drain(), () => {});
  }

  async #start(): Promise<HttpServer> {
    const HttpServer = await loadHttpServer(this.name);
    const server = new HttpServer(this.#target, this.#options.logger);
    if (this.#isDraining) server.drain();
    return server;
  }
}

/**
 * Loads what speaks HTTP.
 *
 * @param target The target's name, for the error.
 * @throws {TargetError} `target-failed` if that fails.
 */
export async function loadHttpServer(
  target: string,
): Promise<typeof HttpServer> {
  try {
    return (await import("../http/http_server.ts")).HttpServer;
  } catch (cause) {
    const message = `what speaks HTTP cannot be loaded: ${
      (cause as Error).message
    }`;
    throw new TargetError("target-failed", target, message, { cause });
  }
}
