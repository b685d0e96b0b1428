import { atMost } from "../../../abort.ts";
import { ForwardDeniedError } from "../../../errors.ts";
import { isTcp } from "../../../ssh/bind.ts";
import type { Bind, SshConnection } from "../../../ssh/connection.ts";
import { type DrainResult, sumDrains } from "../../tunnel/drain_result.ts";
import { PortDispatcher } from "../../tunnel/dispatcher.ts";
import type { ReverseTunnel } from "../../tunnel/tunnel.ts";

/** How long a server may take to release a port on a connection that may be dead, in milliseconds. */
const RELEASE_MS = 2000;

/**
 * Round trips before a port is released that is bound anew already: with each,
 * sshd accepts one of the connections that still wait at the old listener. Its
 * end would reset them.
 */
const ROUND_TRIPS = 4;

/** A tunnel on one connection, and what aborts when its port is cancelled there. */
export interface Generation {
  readonly connection: SshConnection;
  readonly tunnel: ReverseTunnel;
  readonly cancelled: AbortSignal;
}

/**
 * The tunnels of one supervised tunnel, one per SSH connection: the bound one,
 * older ones whose live connections continue, and the next one.
 */
export class TunnelGenerations implements Iterable<ReverseTunnel> {
  readonly #tunnels = new Map<ReverseTunnel, SshConnection>();
  #next: Generation | undefined;
  #decided = Promise.withResolvers<void>();
  #displaced = new AbortController();

  /** Adds one until it has ended. */
  add({ tunnel, connection }: Generation): void {
    this.#tunnels.set(tunnel, connection);
    tunnel.closed.then(() => this.#tunnels.delete(tunnel));
  }

  [Symbol.iterator](): Iterator<ReverseTunnel> {
    return this.#tunnels.keys();
  }

  /** Whether a next tunnel is prepared: it may answer at the bind already. */
  get isHandingOver(): boolean {
    return this.#next !== undefined;
  }

  /** Settles once no next tunnel is prepared. */
  async decided(): Promise<void> {
    while (this.isHandingOver) await this.#decided.promise;
  }

  /**
   * Aborts when a next tunnel is stopped although its socket may have replaced
   * that of the current one; another signal after that.
   */
  get displaced(): AbortSignal {
    return this.#displaced.signal;
  }

  /**
   * Binds the next tunnel, until {@linkcode takeNext} or
   * {@linkcode withdraw}.
   *
   * @returns whether the server listens for it, beside the current one.
   */
  async prepare(next: Generation): Promise<boolean> {
    this.#next = next;
    try {
      await next.tunnel.start();
      return true;
    } catch (error) {
      await next.tunnel.stop();
      if (!(error instanceof ForwardDeniedError)) throw error;
      if (this.#next === next) this.#decide();
      return false;
    }
  }

  /** Stops the next tunnel: it does not take over. */
  withdraw(): void {
    const next = this.#decide();
    if (!next) return;
    void next.tunnel.stop();
    if (isTcp(next.tunnel.bound)) return;
    this.#displaced.abort();
    this.#displaced = new AbortController();
  }

  /** The tunnel that was prepared on a connection; one on another connection is stopped. */
  takeNext(connection: SshConnection): Generation | undefined {
    const next = this.#decide();
    if (next?.connection === connection) return next;
    void next?.tunnel.stop();
    return undefined;
  }

  /**
   * Releases the port on a connection that another one takes over from, and
   * lets live connections continue.
   *
   * @returns `released`: whether the server did so soon; `drained` settles once they are over.
   */
  async retire(
    connection: SshConnection,
    drainMs: number,
  ): Promise<{ released: boolean; drained: Promise<unknown> }> {
    const overlaps = this.isHandingOver;
    const old = [...this].filter((it) => this.#tunnels.get(it) === connection);
    const releases = await Promise.all(old.map(async ({ state, bound }) => {
      if (state !== "listening") return true;
      const releasing = async () => {
        for (let i = 0; overlaps && i < ROUND_TRIPS; i++) {
          await connection.ping().catch(() => {});
        }
        return await release(connection, bound);
      };
      return await atMost(RELEASE_MS, releasing()) ?? false;
    }));
    return {
      released: releases.every(Boolean),
      drained: Promise.all(old.map((tunnel) => tunnel.stop({ drainMs }))),
    };
  }

  /** Stops all of them, and counts the live connections that finish meanwhile. */
  async stop(drainMs: number): Promise<DrainResult> {
    this.#decide();
    const ends = [...this].map((tunnel) => tunnel.stop({ drainMs }));
    return sumDrains(await Promise.all(ends));
  }

  #decide(): Generation | undefined {
    const next = this.#next;
    this.#next = undefined;
    this.#decided.resolve();
    this.#decided = Promise.withResolvers();
    return next;
  }
}

/** @returns whether the port is free on this connection; stop() would tell only once the live connections are over. */
async function release(connection: SshConnection, bound: Bind) {
  const released = await connection.cancelForward(bound).catch(() => true);
  // Its tunnel may have been releasing it already.
  return released || !PortDispatcher.of(connection).owner(bound);
}
