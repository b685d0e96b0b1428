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
      serve: (channel, { signal }) =>
        server.serve(channel, connAddresses(open), signal),
      abandon: () => {},
    };
  }

  drain(): void {
    this.#isDraining = true;
    this.#server?.then((server) => server.drain(), () => {});
  }

  async #start(): Promise<HttpServer> {
    const { HttpServer } = await import("../http/http_server.ts");
    const server = new HttpServer(this.#target, this.#options.logger);
    if (this.#isDraining) server.drain();
    return server;
  }
}
