import { atMost } from "../../../abort.ts";
import { ForwardDeniedError } from "../../../errors.ts";
import type { SshConnection } from "../../../ssh/connection.ts";
import { type DrainResult, sumDrains } from "../../tunnel/drain_result.ts";
import type { ReverseTunnel } from "../../tunnel/tunnel.ts";

/** How long a server may take to release a port on a connection that may be dead, in milliseconds. */
const RELEASE_MS = 2000;

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
  readonly #tunnels = new Set<ReverseTunnel>();
  #next: Generation | undefined;

  /** Adds one until it has ended. */
  add(tunnel: ReverseTunnel): void {
    this.#tunnels.add(tunnel);
    tunnel.closed.then(() => this.#tunnels.delete(tunnel));
  }

  [Symbol.iterator](): Iterator<ReverseTunnel> {
    return this.#tunnels.values();
  }

  /**
   * Binds the one that is to take over.
   *
   * @returns whether the server listens for it, beside the one of before.
   */
  async prepare(next: Generation): Promise<boolean> {
    try {
      await next.tunnel.start();
      this.#next = next;
      return true;
    } catch (error) {
      await next.tunnel.stop();
      if (error instanceof ForwardDeniedError) return false;
      throw error;
    }
  }

  /** The one that was prepared on a connection; one on another connection is stopped. */
  takeNext(connection: SshConnection): Generation | undefined {
    const next = this.#next;
    this.#next = undefined;
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
    const old = [...this.#tunnels].filter((t) => t !== this.#next?.tunnel);
    const releases = await Promise.all(old.map(async ({ state, bound }) => {
      if (state !== "listening") return true;
      // stop() settles only once they are over.
      const released = connection.cancelForward(bound).catch(() => true);
      return await atMost(RELEASE_MS, released) ?? false;
    }));
    return {
      released: releases.every(Boolean),
      drained: Promise.all(old.map((tunnel) => tunnel.stop({ drainMs }))),
    };
  }

  /** Stops all of them, and counts the live connections that finish meanwhile. */
  async stop(drainMs: number): Promise<DrainResult> {
    const ends = [...this.#tunnels].map((tunnel) => tunnel.stop({ drainMs }));
    return sumDrains(await Promise.all(ends));
  }
}
