import type { Bind, TcpBind } from "../ssh/connection.ts";
import type { Logger } from "../logger.ts";

/** The listening sockets behind one forward. */
export class BoundSockets {
  /** As it was asked, with the port that was chosen. */
  readonly bind: Bind;

  readonly #listeners: readonly Deno.Listener[];
  readonly #accepting: Promise<unknown>;
  readonly #logger: Logger;

  /**
   * Listens as OpenSSH's sshd does with `GatewayPorts clientspecified`.
   *
   * @param bind What the client asked.
   * @param onConnection Takes over each connection.
   * @throws what `Deno.listen` throws, if nothing could be bound.
   */
  constructor(
    bind: Bind,
    onConnection: (conn: Deno.Conn) => void,
    logger: Logger,
  ) {
    this.#logger = logger;
    if ("path" in bind) {
      this.bind = bind;
      this.#listeners = [Deno.listen({ transport: "unix", path: bind.path })];
    } else {
      const { port, listeners } = listenTcp(bind);
      this.bind = { hostname: bind.hostname, port };
      this.#listeners = listeners;
    }
    this.#accepting = Promise.all(this.#listeners.map(async (listener) => {
      try {
        for await (const conn of listener) onConnection(conn);
      } catch (error) {
        logger.error(`${describe(bind)} takes no more connections`, error);
      }
    }));
  }

  /** Releases the port or path; settles when others can bind it. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    // The accept under way holds the socket until it has noticed.
    await this.#accepting;
    if ("path" in this.bind) await this.#remove(this.bind.path);
  }

  async #remove(path: string): Promise<void> {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      this.#logger.error(`cannot remove the Unix socket ${path}`, error);
    }
  }
}

/** A bind as text. */
export function describe(bind: Bind): string {
  return "path" in bind ? bind.path : `"${bind.hostname}" port ${bind.port}`;
}

/** Binds what it can: sshd too is content with one of several addresses. */
function listenTcp(
  bind: TcpBind,
): { port: number; listeners: Deno.Listener[] } {
  let port = bind.port;
  const listeners: Deno.Listener[] = [];
  let failure: unknown;
  for (const hostname of hostnames(bind.hostname)) {
    try {
      const listener = Deno.listen({ hostname, port });
      port = listener.addr.port;
      listeners.push(listener);
    } catch (error) {
      failure = error;
    }
  }
  if (listeners.length === 0) throw failure;
  return { port, listeners };
}

function hostnames(address: string): string[] {
  switch (address) {
    case "":
    case "*":
      // Deno's "::" takes IPv4 as well; without IPv6 the other one does.
      return ["::", "0.0.0.0"];
    case "localhost":
      return ["127.0.0.1", "::1"];
    default:
      return [address];
  }
}
