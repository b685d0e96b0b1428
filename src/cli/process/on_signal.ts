/** Calls back when the process gets a signal, until it is disposed of. Does nothing where there is no such signal. */
export function onSignal(
  name: Deno.Signal,
  listener: () => void,
): Disposable {
  try {
    Deno.addSignalListener(name, listener);
  } catch {
    return { [Symbol.dispose]() {} }; // Windows has but two
  }
  return {
    [Symbol.dispose]: () => Deno.removeSignalListener(name, listener),
  };
}
