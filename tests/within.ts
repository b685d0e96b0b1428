/**
 * Waits for a promise within a time limit: what hangs fails by its name, and the
 * tests after it still run.
 *
 * @param ms The time it may take, in milliseconds.
 */
export async function within<T>(
  ms: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  const time = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => time.reject(new Error(`${what}: nothing within ${ms} ms`)),
    ms,
  );
  try {
    return await Promise.race([promise, time.promise]);
  } finally {
    clearTimeout(timer);
  }
}
