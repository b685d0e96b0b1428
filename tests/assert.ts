/** The few assertions that the tests use, over `node:assert/strict`: JSR's are out of reach in CI. */
import nodeAssert from "node:assert/strict";

/** Fails unless `value` is truthy, and narrows it. */
export function assert(value: unknown, message?: string): asserts value {
  nodeAssert.ok(value, message);
}

/** Fails unless both are deeply and strictly equal. */
export function assertEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails unless `text` matches. */
export function assertMatch(
  text: string,
  pattern: RegExp,
  message?: string,
): void {
  nodeAssert.match(text, pattern, message);
}

/** Fails unless `work` throws an instance of `type`, which it returns. */
export function assertThrows<E extends Error>(
  work: () => unknown,
  type: abstract new (...args: never[]) => E,
): E {
  try {
    work();
  } catch (error) {
    return checked(error, type);
  }
  nodeAssert.fail(`nothing was thrown, expected ${type.name}`);
}

/** Fails unless `work` rejects with an instance of `type`, which it returns. */
export async function assertRejects<E extends Error>(
  work: () => Promise<unknown>,
  type: abstract new (...args: never[]) => E,
): Promise<E> {
  try {
    await work();
  } catch (error) {
    return checked(error, type);
  }
  nodeAssert.fail(`nothing was thrown, expected ${type.name}`);
}

function checked<E extends Error>(
  error: unknown,
  type: abstract new (...args: never[]) => E,
): E {
  if (error instanceof type) return error;
  nodeAssert.fail(`expected ${type.name}, got ${Deno.inspect(error)}`);
}
