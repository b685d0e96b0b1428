import { delay } from "../../abort.ts";

/** A wait that can be cut short. */
export class Sleeper {
  #wake = new AbortController();

  /** Ends the wait, if there is one. */
  wake(): void {
    this.#wake.abort();
  }

  /** Waits `ms` milliseconds, or until it is woken; rejects with the signal's reason if it aborts first. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    const either = AbortSignal.any([signal, this.#wake.signal]);
    await delay(ms, either).catch(() => signal.throwIfAborted());
  }
}
