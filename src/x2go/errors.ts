import { type ErrorCode, RForwardError } from "../errors.ts";

/**
 * What went wrong with X2Go.
 *
 * - `x2go-refused`: a command of x2goserver failed, or is not installed.
 * - `x2go-output`: what it printed is not what such a command prints.
 * - `x2go-state`: the session's state does not allow it.
 * - `x2go-timeout`: a command, or what it was to bring about, took too long.
 * - `x2go-share`: the session continues, but something shared with it does not.
 */
export type X2GoErrorCode = Extract<ErrorCode, `x2go-${string}`>;

/** An X2Go server did not do what it was asked to. */
export class X2GoError extends RForwardError {
  /** The name of the session that it is about, where there is one. */
  readonly session: string | undefined;

  /**
   * An error of X2Go.
   *
   * @param code What went wrong.
   * @param message What was tried, and what to do.
   * @param session The name of the session that it is about.
   * @param options `cause`, where another error led to this one.
   */
  constructor(
    code: X2GoErrorCode,
    message: string,
    session?: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.name = "X2GoError";
    this.session = session;
  }
}
