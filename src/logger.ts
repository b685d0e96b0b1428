/**
 * What the package asks of a logger. `console`, a logger of `@std/log`,
 * LogTape, pino, consola and winston all fit as they are.
 *
 * Messages stand alone: the further arguments only add detail, because some
 * loggers drop them by default.
 *
 * @example
 * ```ts
 * import type { Logger } from "@x2go/rforward";
 *
 * const logger: Logger = console;
 * ```
 */
export interface Logger {
  /** For debugging this package. */
  debug(message: string, ...args: unknown[]): unknown;
  /** The normal course of things. */
  info(message: string, ...args: unknown[]): unknown;
  /** Something failed and the program continues. */
  warn(message: string, ...args: unknown[]): unknown;
  /** Something ended that should not have. */
  error(message: string, ...args: unknown[]): unknown;
}

/** Discards everything; the default. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
};
