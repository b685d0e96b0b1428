import { delay } from "../../../src/abort.ts";
import { assert } from "../../assert.ts";
import { within } from "../../within.ts";
import { CommandProcess, main } from "../command_process.ts";

Deno.test({
  name: "rforward leaves no debugger open after SIGUSR1",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using rforward = new CommandProcess({
      // With --quiet, Deno does not say where its debugger is.
      command: [Deno.execPath(), "run", "--allow-all", main],
      // Nothing listens on port 1.
      args: ["-p", "1", "-R", "8080:localhost:80", "user@127.0.0.1"],
    });
    await rforward.see(/next try in/i);
    // In its first half second Deno does not open it.
    const insist = setInterval(() => rforward.signal("SIGUSR1"), 50);
    const [, address] = await rforward.see(
      /Debugger listening on ws:\/\/(.*)\/|Failed to start inspector/,
    ).finally(() => clearInterval(insist));
    // Undefined if another process has the port.
    if (address === undefined) return;
    await within(10_000, "the debugger being closed", closed(address));
  },
});

/** Settles once nothing listens at an address. */
async function closed(address: string): Promise<void> {
  const { signal } = new AbortController();
  const { hostname, port } = new URL(`http://${address}`);
  for (;; await delay(10, signal)) {
    try {
      (await Deno.connect({ hostname, port: Number(port) })).close();
    } catch (error) {
      return assert(error instanceof Deno.errors.ConnectionRefused);
    }
  }
}
