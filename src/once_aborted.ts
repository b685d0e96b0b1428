/** Calls back once when a signal aborts or has aborted, unless `until` aborts first. */
export function onceAborted(
  signal: AbortSignal | undefined,
  until: AbortSignal,
  callback: (reason: unknown) => void,
): void {
  if (!signal) return;
  const onAbort = () => callback(signal.reason);
  if (signal.aborted) return onAbort();
  signal.addEventListener("abort", onAbort, { once: true, signal: until });
}
