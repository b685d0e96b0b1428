/**
 * How something short-lived comes to an end before its time, for the inside: an
 * AbortSignal with listeners costs several microseconds, which each connection
 * would pay although hardly any is aborted. The signal is made when it is asked
 * for.
 */
export class Ending {
  #ended: { readonly reason: unknown } | undefined;
  #onEnd: ((reason: unknown) => void) | undefined;
  #controller: AbortController | undefined;

  /** Whether it was ended. */
  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Why it was ended; undefined before that. */
  get reason(): unknown {
    return this.#ended?.reason;
  }

  /** Aborts when it is ended. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended) this.#controller.abort(this.#ended.reason);
    return this.#controller.signal;
  }

  /** Ends it. Only the first reason counts. */
  end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = { reason };
    this.#onEnd?.(reason);
    this.#controller?.abort(reason);
  }

  /** Calls back when it is ended, or at once if it was: the last callback only, as one wait follows the other. */
  onEnd(callback: (reason: unknown) => void): void {
    if (this.#ended) callback(this.#ended.reason);
    else this.#onEnd = callback;
  }

  /**
   * Settles as the promise does.
   *
   * @throws the reason at once, if it is ended before the promise settles.
   */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.onEnd(reject);
      promise.then(resolve, reject);
    });
  }

  /** @throws the reason, if it was ended. */
  throwIfEnded(): void {
    if (this.#ended) throw this.#ended.reason;
  }
}
