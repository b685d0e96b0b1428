import { delay, orAborted } from "../../../abort.ts";
import { ArgumentError, TargetError } from "../../../errors.ts";
import { checkKeys, checkMs, checkObject } from "../../../validate.ts";
import type { Dialer } from "../../targets/dialer.ts";

/** How often a supervised tunnel's target is checked, and what to do while it is down. */
export interface CheckTargetOptions {
  /** How often, in milliseconds, beside once at the start of each connection. */
  everyMs: number;
  /**
   * Whether to release the port while the target does not answer: clients are
   * refused by the server's system, and others can bind the port.
   *
   * @default {false}
   */
  releaseWhenDown?: boolean;
}

/** @throws {ArgumentError} if they cannot be used for the target. */
export function checkTargetCheck(
  options: CheckTargetOptions | undefined,
  dialer: Dialer,
): void {
  if (options === undefined) return;
  checkObject("checkTarget", options);
  checkKeys("checkTarget", options, ["everyMs", "releaseWhenDown"]);
  checkMs("checkTarget.everyMs", options.everyMs, 1);
  if (options.everyMs === undefined || !dialer.check) {
    throw new ArgumentError(
      "checkTarget",
      dialer.check
        ? "use { everyMs }"
        : `${dialer.name} cannot be dialled; only a target with an address can`,
    );
  }
}

/** Dials a target at an interval, and tracks whether it answers. */
export class TargetHealth {
  readonly #check: (signal: AbortSignal) => Promise<void>;
  readonly #everyMs: number;
  readonly #onChange: (error: TargetError | undefined) => void;
  readonly #checked = Promise.withResolvers<void>();
  #error: TargetError | undefined;
  #down = new AbortController();
  /** Settles when the target answers. */
  #answers = Promise.withResolvers<void>();

  /**
   * @param check Dials it; throws a TargetError if it does not answer.
   * @param onChange Receives why it no longer answers, or nothing once it does again.
   */
  constructor(
    check: (signal: AbortSignal) => Promise<void>,
    everyMs: number,
    onChange: (error: TargetError | undefined) => void,
  ) {
    this.#check = check;
    this.#everyMs = everyMs;
    this.#onChange = onChange;
  }

  /** Why it did not answer the last time. */
  get error(): TargetError | undefined {
    return this.#error;
  }

  /** Aborts when it stops answering; another one once it answers again. */
  get downSignal(): AbortSignal {
    return this.#down.signal;
  }

  /** Waits until it was checked for the first time. */
  async checked(signal: AbortSignal): Promise<void> {
    await orAborted(this.#checked.promise, signal);
  }

  /** Waits until it answers. */
  async answers(signal: AbortSignal): Promise<void> {
    await orAborted(this.#answers.promise, signal);
  }

  /** Checks it until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const error = await this.#find(signal);
      if (signal.aborted) return;
      this.#become(error);
      this.#checked.resolve();
      await delay(this.#everyMs, signal).catch(() => {});
    }
  }

  async #find(signal: AbortSignal): Promise<TargetError | undefined> {
    try {
      await this.#check(signal);
    } catch (error) {
      if (error instanceof TargetError) return error;
      if (!signal.aborted) throw error;
    }
    return undefined;
  }

  #become(error: TargetError | undefined): void {
    const isChange = (error === undefined) !== (this.#error === undefined);
    this.#error = error;
    if (!error) {
      if (isChange) this.#down = new AbortController();
      this.#answers.resolve();
      if (isChange) this.#onChange(undefined);
    } else if (isChange) {
      this.#answers = Promise.withResolvers();
      this.#onChange(error);
      this.#down.abort(error);
    }
  }
}
