import { delay } from "../../abort.ts";
import { onSignal } from "./on_signal.ts";

/** Pauses between attempts to close it, in milliseconds: it may open after the listeners of the signal have run. */
const PAUSES_MS = [0, 1, 1, 3, 20, 100, 1000];

/**
 * Closes the debugger that Deno (2.9.2 and later) opens on 127.0.0.1:9229 at
 * SIGUSR1, whether or not a program listens to that signal. All users of this
 * machine, and clients of a SOCKS proxy that permits it, could run code in this
 * process with it.
 *
 * @returns what stops that.
 */
export function keepDebuggerClosed(): Disposable {
  const stopped = new AbortController();
  const listening = onSignal("SIGUSR1", () => {
    close(stopped.signal).catch(() => {}); // only if it is stopped
  });
  return {
    [Symbol.dispose]() {
      listening[Symbol.dispose]();
      stopped.abort();
    },
  };
}

async function close(signal: AbortSignal): Promise<void> {
  const inspector = await import("node:inspector");
  for (const ms of PAUSES_MS) {
    await delay(ms, signal);
    inspector.close();
  }
}
