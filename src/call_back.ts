import type { Logger } from "./logger.ts";

/**
 * Calls a function of the user's, and logs what it throws. It may be async,
 * which TypeScript accepts for one that returns nothing: a rejection that is
 * not handled would end the process with all its tunnels.
 *
 * @param what Says what threw, for the log.
 */
export function callBack(
  what: string,
  logger: Logger,
  callback: () => unknown,
): void {
  const failed = (error: unknown) => logger.error(`${what} threw`, error);
  try {
    const result = callback();
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
