/**
 * Runs work concurrently or exclusively, in the order of the requests.
 */
export class ReadWriteLock {
  /** Settles when the last work that was to run alone is done. */
  #alone: Promise<unknown> = Promise.resolve();
  /** What runs together since. */
  #together = new Set<Promise<unknown>>();

  /** Runs work that others of its kind may run beside. */
  shared<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#alone.then(work);
    const group = this.#together;
    const done = result.catch(() => {}).then(() => void group.delete(done));
    group.add(done);
    return result;
  }

  /** Runs work that nothing else runs beside. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = Promise.all([this.#alone, ...this.#together]).then(work);
    this.#alone = result.catch(() => {});
    this.#together = new Set();
    return result;
  }
}
