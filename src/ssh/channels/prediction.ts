/** What was of use as often as this more than it was not is done each time. */
const MOST = 3;
/** What is of no use is tried so often, in case that has changed: every 16th time. */
const TRIAL = 16;

/** Whether something is worth doing again, as learned from whether it was of use. */
export class Prediction {
  #score = 2;
  #skipped = 0;

  /** Whether to do it this time. */
  decide(): boolean {
    if (this.#score > 0 || ++this.#skipped === TRIAL) {
      this.#skipped = 0;
      return true;
    }
    return false;
  }

  /** Learns from a time that it was done. */
  readonly learn = (wasOfUse: boolean): void => {
    this.#score = wasOfUse
      ? Math.min(this.#score + 1, MOST)
      : Math.max(this.#score - 1, 0);
  };
}
