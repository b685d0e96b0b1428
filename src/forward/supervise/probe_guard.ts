import { ConnectionLostError } from "../../errors.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import { serverKind } from "../../ssh/server_kind.ts";

/**
 * Remembers whether a server can be asked to connect to its own ports. sish
 * accepts any such request (`direct-tcpip`) and then ends the whole
 * connection, so that asking on each new one would never come to an end.
 */
export class ProbeGuard {
  /** Connections in a row that ended while the server was being asked. */
  #losses = 0;
  /** The last of them; several tunnels may ask at once. */
  #lost: SshConnection | undefined;
  /** How many answers are outstanding, or were when the connection ended. */
  readonly #unanswered = new WeakMap<SshConnection, number>();

  /** Whether the server may be asked. */
  allows(connection: SshConnection): boolean {
    // sshd does no such thing: it was restarted just then, but not again and again.
    return this.#losses < (isSshd(connection) ? 2 : 1);
  }

  /** Runs a probe, and notes whether it ended the connection. */
  async watch<T>(connection: SshConnection, ask: () => Promise<T>): Promise<T> {
    const { signal } = connection;
    this.#count(connection, 1);
    try {
      const answer = await ask();
      this.#losses = 0;
      return answer;
    } catch (error) {
      if (signal.aborted) await this.#onEnd(connection);
      throw error;
    } finally {
      if (!signal.aborted) this.#count(connection, -1);
    }
  }

  /** The loss of a connection, with its reason if asking was it. */
  explain(
    connection: SshConnection,
    lost: ConnectionLostError,
  ): ConnectionLostError {
    if (isSshd(connection) || !this.#unanswered.get(connection)) return lost;
    return new ConnectionLostError(
      `${lost.message} when it was asked to connect to its own port; it will not be asked again`,
      { cause: lost },
    );
  }

  async #onEnd(connection: SshConnection): Promise<void> {
    if (connection === this.#lost) return;
    this.#lost = connection;
    const { reason } = await connection.closed;
    if (reason === "lost") this.#losses++;
  }

  #count(connection: SshConnection, change: 1 | -1): void {
    const before = this.#unanswered.get(connection) ?? 0;
    this.#unanswered.set(connection, before + change);
  }
}

function isSshd({ server }: SshConnection): boolean {
  return ["openssh", "dropbear"].includes(serverKind(server));
}
