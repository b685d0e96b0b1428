import type { Job, JobHandler } from "./jobs.ts";

/** A job that has arrived, in a directory of its own. */
export interface ArrivedJob extends Job {
  /** What is removed when the job is done. */
  readonly directory: string;
}

/**
 * Jobs that wait for their handler, which takes one after the other in the
 * order in which they came. One that fails is kept, and is tried again before the
 * next that arrives.
 */
export class JobQueue {
  readonly #handler: JobHandler;
  readonly #onFailure: (job: Job, error: unknown) => void;
  #waiting: ArrivedJob[] = [];
  #failed: ArrivedJob[] = [];
  #running = false;
  #run: Promise<void> = Promise.resolve();

  /**
   * @param handler What is done with a job.
   * @param onFailure Called with the reason if it fails.
   */
  constructor(
    handler: JobHandler,
    onFailure: (job: Job, error: unknown) => void,
  ) {
    this.#handler = handler;
    this.#onFailure = onFailure;
  }

  /** Jobs that wait or have failed. */
  get size(): number {
    return this.#waiting.length + this.#failed.length;
  }

  /** Jobs that have failed and were not tried again yet. */
  get failed(): readonly Job[] {
    return this.#failed;
  }

  add(job: ArrivedJob): void {
    this.#waiting.push(job);
    this.retry();
  }

  /** Tries again what has failed. */
  retry(): void {
    this.#waiting.unshift(...this.#failed.splice(0));
    if (!this.#running) this.#run = this.#handleAll();
  }

  /** Settles when every job was tried. */
  idle(): Promise<void> {
    return this.#run;
  }

  async #handleAll(): Promise<void> {
    this.#running = true;
    for (let job; (job = this.#waiting.shift());) await this.#handle(job);
    this.#running = false;
  }

  async #handle(job: ArrivedJob): Promise<void> {
    try {
      const { title, file } = job;
      await this.#handler({ title, file });
    } catch (error) {
      this.#failed.push(job);
      return this.#onFailure(job, error);
    }
    try {
      await Deno.remove(job.directory, { recursive: true });
    } catch (error) {
      this.#onFailure(job, error);
    }
  }
}
