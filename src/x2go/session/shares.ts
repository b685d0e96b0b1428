import type { SessionAccess, SessionShare } from "./session_share.ts";

/** What is shared with one session. */
export class Shares extends Set<SessionShare> {
  /** The environment with which the session's programs find all of it. */
  get environment(): Record<string, string> {
    return Object.assign(
      {},
      ...this.values().map((share) => share.environment),
    );
  }

  /**
   * Begins one more.
   *
   * @throws what it threw, or the signal's reason if that has aborted meanwhile;
   * it is stopped then.
   */
  async begin<S extends SessionShare>(
    share: S,
    access: SessionAccess,
    signal?: AbortSignal,
  ): Promise<S> {
    try {
      await share.resume(access);
      signal?.throwIfAborted();
    } catch (error) {
      await share.stop();
      throw error;
    }
    this.add(share);
    share.stopped.then(() => this.delete(share));
    return share;
  }

  /** @throws what those that failed threw; the others are paused. */
  pause(): Promise<void> {
    return this.#each((share) => share.pause());
  }

  /** @throws what those that failed threw; the others are open. */
  resume(access: SessionAccess): Promise<void> {
    return this.#each((share) => share.resume(access));
  }

  /** @throws what those that failed threw; the others are stopped. */
  stop(): Promise<void> {
    return this.#each((share) => share.stop());
  }

  async #each(work: (share: SessionShare) => Promise<void>): Promise<void> {
    const done = await Promise.allSettled([...this].map(work));
    const failures = done.filter((it) => it.status === "rejected")
      .map(({ reason }) => reason);
    if (failures.length === 0) return;
    if (failures.length === 1) throw failures[0];
    throw new AggregateError(
      failures,
      failures.map(({ message }) => message).join("; "),
    );
  }
}
