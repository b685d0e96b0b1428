import { RForwardError } from "../../errors.ts";

/** An error as one of this package, such as one that a user's `connect` threw. */
export function asRForwardError(error: unknown): RForwardError {
  if (error instanceof RForwardError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RForwardError("connect-failed", message, { cause: error });
}
