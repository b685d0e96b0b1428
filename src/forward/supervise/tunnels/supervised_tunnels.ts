import { onAbort } from "../../../abort.ts";
import { ArgumentError } from "../../../errors.ts";
import { shown } from "../../../text/shown.ts";
import type { SshConnection } from "../../../ssh/connection.ts";
import { checkKinds } from "../../../check_kinds.ts";
import type { HandOverResult } from "../hand_over.ts";
import { type DrainResult, sumDrains } from "../../tunnel/drain_result.ts";
import { toBind } from "../../tunnel/bind_options.ts";
import {
  type SupervisedTunnel,
  supervisedTunnelKinds,
} from "../supervisor_options.ts";
import {
  type SupervisorContext,
  TunnelSupervisor,
} from "./tunnel_supervisor.ts";

/** The tunnels of a supervisor, kept up on whatever connection there is. */
export class SupervisedTunnels {
  readonly #context: SupervisorContext;
  #all: readonly TunnelSupervisor[];
  /** Those that the server has answered on this connection. */
  readonly #answered = new Set<TunnelSupervisor>();
  /** What runs on this connection. */
  readonly #supervised = new Set<Promise<void>>();
  #begin: (tunnel: TunnelSupervisor) => void = () => {};

  /** @throws {ArgumentError} if a tunnel's options cannot be used. */
  constructor(
    tunnels: readonly SupervisedTunnel[],
    context: SupervisorContext,
  ) {
    checkList(tunnels);
    this.#context = context;
    this.#all = tunnels.map((options, i) =>
      new TunnelSupervisor(i, options, context)
    );
  }

  /** All of them, in their order. */
  get all(): readonly TunnelSupervisor[] {
    return this.#all;
  }

  /** Whether the server has answered for each of them on this connection, yes or no. */
  get answered(): boolean {
    return this.#all.every((tunnel) => this.hasAnswered(tunnel));
  }

  /** Whether the server has answered for one of them. */
  hasAnswered(tunnel: TunnelSupervisor): boolean {
    return this.#answered.has(tunnel);
  }

  /** How many connections through them are live. */
  get live(): number {
    return this.#all.reduce((sum, tunnel) => sum + tunnel.snapshot().live, 0);
  }

  /** @throws {ArgumentError} if the place is out of range. */
  at(index: number): TunnelSupervisor {
    const tunnel = this.#all[index];
    if (tunnel) return tunnel;
    throw new ArgumentError(
      "tunnel",
      `${
        shown(index)
      } is not the place of a tunnel; there are ${this.#all.length}, from 0`,
    );
  }

  /** Whether no connection through them is live. */
  get isIdle(): boolean {
    return this.live === 0;
  }

  /** Settles once they are idle. */
  async idle(): Promise<void> {
    while (!this.isIdle) {
      await Promise.all(this.#all.map((tunnel) => tunnel.drained()));
    }
  }

  /** There is no connection. */
  disconnect(): void {
    for (const tunnel of this.#all) tunnel.disconnect();
  }

  /** Requests their ports now, where they are waiting. */
  wake(): void {
    for (const tunnel of this.#all) tunnel.wake();
  }

  /**
   * Keeps them up on a connection.
   *
   * @param signal Aborts when that is to end.
   * @param failed Called with errors that are not the server's doing.
   * @returns settles once nothing uses the connection.
   */
  async superviseOn(
    connection: SshConnection,
    signal: AbortSignal,
    failed: (error: unknown) => void,
  ): Promise<void> {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#answered.clear();
    this.#begin = (tunnel) => {
      const answered = () => {
        this.#answered.add(tunnel);
        this.#context.changed();
      };
      const supervised = tunnel.superviseOn(connection, signal, answered)
        .catch(failed)
        .finally(() => this.#supervised.delete(supervised));
      this.#supervised.add(supervised);
    };
    this.#all.forEach(this.#begin);
    onAbort(connection.signal, () => resolve());
    // The signal outlives the connection, which it must not hold.
    onAbort(signal, () => resolve(), connection.signal);
    await ended;
    this.#begin = () => {};
    await Promise.all(this.#supervised);
  }

  /** Binds them on a connection that is to take over, where the server allows a second listener. */
  async prepare(connection: SshConnection): Promise<HandOverResult> {
    const tunnels = [...this.#all];
    const bound = await Promise.all(tunnels.map((t) => t.prepare(connection)));
    const placesOf = (result: boolean) =>
      tunnels.flatMap(({ index }, i) => bound[i] === result ? index : []);
    return { overlapped: placesOf(true), interrupted: placesOf(false) };
  }

  /** The connection that they were prepared on does not take over. */
  withdraw(): void {
    for (const tunnel of this.#all) tunnel.withdraw();
  }

  /**
   * Releases their ports on a connection that another one has taken over from.
   *
   * @returns settles once the live connections there are over; at once if the server cannot release a port.
   */
  async retire(
    connection: SshConnection,
    drainMs: number,
  ): Promise<{ drained: Promise<unknown> }> {
    const retired = await Promise.all(
      this.#all.map((tunnel) => tunnel.retire(connection, drainMs)),
    );
    return {
      drained: retired.every(({ released }) => released)
        ? Promise.all(retired.map(({ drained }) => drained))
        : Promise.resolve(),
    };
  }

  /** See {@linkcode Supervisor.setTunnels}. */
  async set(
    tunnels: readonly SupervisedTunnel[],
    drainMs: number,
  ): Promise<void> {
    checkList(tunnels);
    const before = new Set(this.#all);
    const take = (fits: (tunnel: TunnelSupervisor) => boolean) => {
      const found = before.values().find(fits);
      if (found) before.delete(found);
      return found;
    };
    const same = tunnels.map((options) =>
      take((tunnel) => isSame(tunnel.options, options))
    );
    const after = tunnels.map((options, i) =>
      same[i] ??
        take((tunnel) => differsInTarget(tunnel, options)) ??
        new TunnelSupervisor(i, options, this.#context)
    );
    const adoptions = after.map((tunnel, i) =>
      tunnel.adopt(tunnels[i]!, !same[i])
    );
    adoptions.forEach((adopt) => adopt()); // nothing throws from here on
    const added = after.filter((tunnel) => !this.#all.includes(tunnel));
    this.#all = after;
    after.forEach((tunnel, index) => tunnel.index = index);
    const gone = [...before].map((tunnel) => tunnel.stop(drainMs));
    added.forEach(this.#begin);
    this.#context.changed();
    await Promise.all(gone);
  }

  /** Stops taking connections, and lets live ones continue for a while. Never rejects. */
  async stop(drainMs: number): Promise<DrainResult> {
    const ends = this.#all.map((tunnel) => tunnel.stop(drainMs));
    const results = await Promise.allSettled(ends);
    return sumDrains(
      results.flatMap((end) => end.status === "fulfilled" ? end.value : []),
    );
  }
}

/** @throws {ArgumentError} unless it is a list of objects. */
function checkList(tunnels: readonly SupervisedTunnel[]): void {
  if (!Array.isArray(tunnels)) {
    throw new ArgumentError(
      "tunnels",
      `cannot be ${shown(tunnels)}; use a list`,
    );
  }
  tunnels.forEach((tunnel, i) =>
    checkKinds(tunnel, supervisedTunnelKinds, `tunnels[${i}]`)
  );
}

/** One that is not denied for good can go on with another target. */
function differsInTarget(
  { options, state }: TunnelSupervisor,
  other: SupervisedTunnel,
): boolean {
  const { target } = options;
  return state !== "denied" && isSame(options, { ...other, target });
}

function isSame(a: SupervisedTunnel, b: SupervisedTunnel): boolean {
  const functions: unknown[] = [];
  const key = ({ bind, target, checkTarget }: SupervisedTunnel) =>
    JSON.stringify([toBind(bind), target, checkTarget], (_, value) => {
      if (typeof value !== "function") return value;
      if (!functions.includes(value)) functions.push(value);
      return { function: functions.indexOf(value) };
    });
  return key(a) === key(b);
}
