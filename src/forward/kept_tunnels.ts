import type { SshConnection } from "../ssh/connection.ts";
import { toBind } from "./bind_options.ts";
import { type Keeper, KeptTunnel } from "./kept_tunnel.ts";
import type { SupervisedTunnel } from "./supervisor_options.ts";

/** The tunnels of a supervisor, kept up on whatever connection there is. */
export class KeptTunnels {
  readonly #keeper: Keeper;
  #all: readonly KeptTunnel[];
  /** Those that have had a first answer on this connection. */
  readonly #answered = new Set<KeptTunnel>();
  /** What goes on on this connection. */
  readonly #keeping = new Set<Promise<void>>();
  #begin: (tunnel: KeptTunnel) => void = () => {};

  /** @throws {ArgumentError} if a tunnel's options cannot be used. */
  constructor(tunnels: readonly SupervisedTunnel[], keeper: Keeper) {
    this.#keeper = keeper;
    this.#all = tunnels.map((options, i) => new KeptTunnel(i, options, keeper));
  }

  /** All of them, in their order. */
  get all(): readonly KeptTunnel[] {
    return this.#all;
  }

  /** Whether there has been a first answer for each of them on this connection, good or bad. */
  get answered(): boolean {
    return this.#all.every((tunnel) => this.#answered.has(tunnel));
  }

  /**
   * Keeps them up on a connection.
   *
   * @param signal Aborts when that is to end.
   * @param failed Told of what is no matter of the server.
   * @returns settles when nothing goes on any more.
   */
  async keep(
    connection: SshConnection,
    signal: AbortSignal,
    failed: (error: unknown) => void,
  ): Promise<void> {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#answered.clear();
    this.#begin = (tunnel) => {
      const answered = () => {
        this.#answered.add(tunnel);
        this.#keeper.changed();
      };
      const keeping = tunnel.keep(connection, signal, answered)
        .catch(failed)
        .finally(() => this.#keeping.delete(keeping));
      this.#keeping.add(keeping);
    };
    this.#all.forEach(this.#begin);
    if (signal.aborted || connection.signal.aborted) resolve();
    connection.signal.addEventListener("abort", () => resolve());
    // The signal outlives the connection, which it must not hold.
    signal.addEventListener("abort", () => resolve(), {
      signal: connection.signal,
    });
    await ended;
    this.#begin = () => {};
    await Promise.all(this.#keeping);
  }

  /** See {@linkcode Supervisor.setTunnels}. */
  async set(
    tunnels: readonly SupervisedTunnel[],
    drainMs: number,
  ): Promise<void> {
    const before = new Set(this.#all);
    const after = tunnels.map((options, index) => {
      const same = before.values().find((t) => isSame(t.options, options));
      if (same) before.delete(same);
      return same ?? new KeptTunnel(index, options, this.#keeper);
    });
    const added = after.filter((tunnel) => !this.#all.includes(tunnel));
    this.#all = after;
    after.forEach((tunnel, index) => tunnel.index = index);
    const gone = [...before].map((tunnel) => tunnel.stop(drainMs));
    added.forEach(this.#begin);
    this.#keeper.changed();
    await Promise.all(gone);
  }

  /** Takes no connections any more, and lets live ones go on for a while. Never rejects. */
  async stop(drainMs: number): Promise<void> {
    await Promise.allSettled(this.#all.map((tunnel) => tunnel.stop(drainMs)));
  }
}

function isSame(a: SupervisedTunnel, b: SupervisedTunnel): boolean {
  const key = ({ bind, target }: SupervisedTunnel) =>
    JSON.stringify([toBind(bind), target]);
  return key(a) === key(b) &&
    (typeof a.target !== "function" || a.target === b.target);
}
