/** Stands in for the part of `@std/log` that the example uses, without access to JSR. */

/** Writes to the console. */
export class ConsoleHandler {
  constructor(readonly level: string) {}
}

/** Accepts the configuration that the example makes. */
export function setup(
  _config: {
    handlers: Record<string, ConsoleHandler>;
    loggers: Record<string, { level: string; handlers: string[] }>;
  },
): void {}

/** The methods of @std/log's Logger, which return the message. */
export function getLogger(): Record<
  "debug" | "info" | "warn" | "error",
  <T>(
    message: T extends (...args: unknown[]) => unknown ? never : T,
    ...args: unknown[]
  ) => T | undefined
> {
  const log = <T>(message: T) => {
    console.log(message);
    return message;
  };
  return { debug: log, info: log, warn: log, error: log } as ReturnType<
    typeof getLogger
  >;
}
