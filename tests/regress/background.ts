import { join } from "node:path";

/** Names the socket on which a process in the background says that all is set up. */
const READY = "RFORWARD_REGRESS_READY";

const ready = Deno.env.get(READY);
// What this process starts is not meant.
Deno.env.delete(READY);

/** Whether this is the process in the background (`-f`). */
export function isInBackground(): boolean {
  return ready !== undefined;
}

/** Says that all is set up, if this is the process in the background. */
export async function tellReady(): Promise<void> {
  if (ready === undefined) return;
  (await Deno.connect({ transport: "unix", path: ready })).close();
}

/**
 * Starts this program again, as Deno cannot fork.
 *
 * @returns 0 once all is set up there; its exit status if it ends before.
 */
export async function goOnInBackground(
  argv: readonly string[],
): Promise<number> {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "ready");
  using listener = Deno.listen({ transport: "unix", path });
  const child = new Deno.Command(Deno.env.get("RFORWARD_REGRESS_SSH")!, {
    args: [...argv],
    env: { [READY]: path },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  child.unref();
  const status = await Promise.race([
    listener.accept().then(() => 0),
    child.status.then(({ code }) => code),
  ]);
  await Deno.remove(directory, { recursive: true });
  return status;
}
