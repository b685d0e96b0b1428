/** The command after its connection was lost many times. */
import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals } from "../assert.ts";
import { residentBytes } from "../bench/process_stat.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { listeningAt } from "../servers/listening.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { THOROUGH } from "../thorough.ts";
import { within } from "../within.ts";
import { RforwardProcess } from "./rforward_process.ts";

const MIB = 1024 * 1024;

/** After which loss the use is measured first, and last. Until the tenth, what is compiled and optimized hides a leak. */
const [FIRST, LAST] = [10, THOROUGH ? 50 : 24];

/**
 * How much more may be in use after the last reconnect. Each takes 15 KiB of the
 * heap while V8 still learns, and 30 KiB more if a connection is not released;
 * V8 returns memory to the system when it chooses.
 */
const MORE = {
  heap: (THOROUGH ? 1 : 0.5) * MIB,
  resident: 32 * MIB,
  files: 3,
};

serverTest(
  "sshd",
  "rforward holds no more memory and no more files after many reconnects than after a few",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const preload = new URL("measure_memory.ts", import.meta.url).pathname;
    await using rforward = new RforwardProcess({
      deno: ["--v8-flags=--expose-gc", `--preload=${preload}`],
      args: [
        ...["--max-wait", "0.05", "-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
        ...sshArguments(sshd),
      ],
    });
    const port = await rforward.up();
    let before: Use | undefined;
    for (let reconnects = 1; reconnects <= LAST; reconnects++) {
      sshd.killSessions("SIGKILL");
      await rforward.next("lost");
      await rforward.up();
      assertEquals(await ask(port, "hi"), "echo: hi");
      assertEquals(listeningAt(port), ["127.0.0.1"]);
      if (reconnects === FIRST) before = await measure(rforward);
    }
    const after = await measure(rforward);
    for (const what of ["heap", "resident", "files"] as const) {
      const more = after[what] - before![what];
      assert(more < MORE[what], `${what}: ${more} more`);
    }
    assertEquals(rforward.all("connected").length, LAST + 1);
    assertEquals(
      rforward.all("bound").map(({ bound }) => bound.port),
      Array(LAST + 1).fill(port),
    );
  },
);

/** What a process uses. */
interface Use {
  /** V8's heap after a garbage collection, in bytes. */
  heap: number;
  /** Memory that it has, in bytes. */
  resident: number;
  /** Files that are open. */
  files: number;
}

async function measure(rforward: RforwardProcess): Promise<Use> {
  const before = rforward.stderr.length;
  rforward.signal("SIGUSR2"); // see measure_memory.ts
  const heap = async () => {
    for (;; await delay(10)) {
      const found = /heap (\d+)\n/.exec(rforward.stderr.slice(before));
      if (found) return Number(found[1]);
    }
  };
  return {
    heap: await within(10_000, "the size of the heap", heap()),
    resident: residentBytes(rforward.pid),
    files: [...Deno.readDirSync(`/proc/${rforward.pid}/fd`)].length,
  };
}
