/**
 * Waiting that a signal or a time limit ends.
 *
 * @module
 */

/**
 * Calls back once when a signal aborts, or at once if it has.
 *
 * @param until Stops watching when it aborts, as disposing of the result does.
 */
export function onAbort(
  signal: AbortSignal | undefined,
  callback: (reason: AbortSignal["reason"]) => void,
  until?: AbortSignal,
): Disposable {
  const run = () => callback(signal?.reason);
  if (signal?.aborted) run();
  else {
    signal?.addEventListener("abort", run, {
      once: true,
      ...(until && { signal: until }),
    });
  }
  return {
    [Symbol.dispose]: () => signal?.removeEventListener("abort", run),
  };
}

/**
 * Settles as the promise does.
 *
 * @throws the signal's reason at once, if it aborts before the promise settles.
 */
export async function orAborted<T>(
  promise: PromiseLike<T>,
  signal: AbortSignal,
): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  using _watch = onAbort(signal, aborted.reject);
  return await Promise.race([aborted.promise, promise]);
}

/** Settles as the promise does, or with nothing once `ms` milliseconds have passed. */
export async function atMost<T>(
  ms: number,
  promise: PromiseLike<T>,
): Promise<T | void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits `ms` milliseconds; rejects with the signal's reason if it aborts first. */
export async function delay(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await orAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A time limit on each stage of something that has several, and a signal on
 * the whole.
 */
export class Deadline {
  /** How long each stage may take, in milliseconds. */
  readonly ms: number;
  readonly #ended = new AbortController();
  readonly #watch: Disposable;
  #disposed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param ms How long each stage may take, in milliseconds.
   * @param signal What else ends it.
   */
  constructor(ms: number, signal?: AbortSignal) {
    this.ms = ms;
    this.#watch = onAbort(signal, (reason) => {
      this.stop();
      this.#ended.abort(reason);
    });
  }

  /** Aborts when a stage took too long, with the error that the stage was started with, or with the signal. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Begins the next stage; has no effect once this is disposed of. */
  start(error: () => Error): void {
    this.stop();
    if (this.#disposed || this.signal.aborted) return;
    this.#timer = setTimeout(() => this.#ended.abort(error()), this.ms);
  }

  /** Stops the clock until the next stage begins. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** {@linkcode orAborted} with its signal. */
  race<T>(promise: Promise<T>): Promise<T> {
    return orAborted(promise, this.signal);
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#disposed = true;
    this.#watch[Symbol.dispose]();
  }
}
