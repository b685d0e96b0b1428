import { orAborted } from "../../../abort.ts";

/** Whether something is paused, for those that wait for either. */
export class Pause {
  #paused = new AbortController();
  #resumed = Promise.withResolvers<void>();

  /** Whether it is. */
  get isOn(): boolean {
    return this.#paused.signal.aborted;
  }

  /** Aborts when it is paused; another one after it was resumed. */
  get signal(): AbortSignal {
    return this.#paused.signal;
  }

  /** Begins, unless it is on. */
  begin(): void {
    this.#paused.abort();
  }

  /** Ends, if it is on. */
  end(): void {
    if (!this.isOn) return;
    this.#paused = new AbortController();
    this.#resumed.resolve();
    this.#resumed = Promise.withResolvers();
  }

  /** Waits until it is over; rejects with the signal's reason if that aborts first. */
  async over(signal: AbortSignal): Promise<void> {
    while (this.isOn) await orAborted(this.#resumed.promise, signal);
  }
}
