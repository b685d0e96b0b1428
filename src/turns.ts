/** Runs pieces of work one after another. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does the work once all that was asked for before it has ended, well or not. */
  take<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
