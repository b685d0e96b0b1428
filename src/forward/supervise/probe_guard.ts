import type { SshConnection } from "../../ssh/connection.ts";
import { serverKind } from "../../ssh/server_kind.ts";

/**
 * Remembers whether a server can be asked to connect to its own ports. sish
 * accepts any such request (`direct-tcpip`) and then ends the whole
 * connection, so that asking on each new one would never come to an end.
 */
export class ProbeGuard {
  #losses = 0;
  /** The connection that was lost last; several tunnels may look at once. */
  #lost: SshConnection | undefined;

  /** Whether the server may be asked. */
  allows({ server }: SshConnection): boolean {
    // One of these does no such thing: it was restarted just then, but not again and again.
    const isKnown = ["openssh", "dropbear"].includes(serverKind(server));
    return this.#losses < (isKnown ? 2 : 1);
  }

  /** Asks it, and takes note if that ends the connection. */
  async watch<T>(connection: SshConnection, ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      this.#losses = 0;
      return answer;
    } catch (error) {
      if (connection.signal.aborted && connection !== this.#lost) {
        const { reason } = await connection.closed;
        if (reason === "lost") this.#losses++;
        this.#lost = connection;
      }
      throw error;
    }
  }
}
