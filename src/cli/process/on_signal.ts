/** Listens to a signal of the process until disposed of. Does nothing where the signal does not exist. */
export function onSignal(
  name: Deno.Signal,
  listener: () => void,
): Disposable {
  try {
    Deno.addSignalListener(name, listener);
  } catch {
    return { [Symbol.dispose]() {} }; // Windows has only two
  }
  return {
    [Symbol.dispose]: () => Deno.removeSignalListener(name, listener),
  };
}
