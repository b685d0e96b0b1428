import { checkKinds, type Kinds } from "../../check_kinds.ts";
import { checkMs } from "../../validate.ts";

/** How to try again after a failure: how long to wait in between, and for how long in all. */
export interface RetryOptions {
  /** The first wait, in milliseconds. It doubles with each failure. */
  firstMs?: number;
  /** The longest wait, in milliseconds. */
  maxMs?: number;
  /** How long to keep trying after the first failure, in milliseconds; 0 does not try again. */
  forMs?: number;
}

const retryKinds: Kinds<RetryOptions> = {
  firstMs: "any",
  maxMs: "any",
  forMs: "any",
};

/** @throws {ArgumentError} if one of them is not a time, or there is another. */
export function checkRetry(
  argument: string,
  options: RetryOptions | undefined,
): void {
  checkKinds(options ?? {}, retryKinds, argument);
  checkMs(`${argument}.firstMs`, options?.firstMs);
  checkMs(`${argument}.maxMs`, options?.maxMs);
  checkMs(`${argument}.forMs`, options?.forMs);
}
