/**
 * The command beside the real `ssh -N`, on a real sshd: one table of command
 * lines, run with both. By default these are the rows in which the two differ;
 * RFORWARD_THOROUGH=1 runs all of them, and so does the gate.
 */
import { assert, assertEquals } from "../assert.ts";
import { serverTest, whyUnavailable } from "../servers/availability.ts";
import type { Program } from "./differential/client.ts";
import { observe } from "./differential/observe.ts";
import type { Row } from "./differential/row.ts";
import { THOROUGH } from "../thorough.ts";
import { binds } from "./differential/rows/binds.ts";
import { configuration } from "./differential/rows/configuration.ts";
import { failures } from "./differential/rows/failures.ts";
import { keys } from "./differential/rows/keys.ts";
import { mistakes } from "./differential/rows/mistakes.ts";
import { createWorld, type World } from "./differential/world.ts";

const table = Object.entries({
  binds,
  configuration,
  failures,
  keys,
  mistakes,
});

/** How many rows are run at a time. */
const AT_ONCE = 4;

for (const [name, all] of table) {
  const rows = THOROUGH ? all : all.filter((row) => "ssh" in row);
  serverTest(["ssh", "sshd"], `rforward and ssh: ${name}`, async (t) => {
    await using world = await createWorld();
    const outcomes = rows.map(() => Promise.withResolvers<Outcome>());
    const left = rows.entries();
    const work = async () => {
      for (const [i, row] of left) {
        if (whyIgnored(row)) continue;
        await runRow(row, world).then(
          outcomes[i]!.resolve,
          outcomes[i]!.reject,
        );
      }
    };
    for (const { promise } of outcomes) promise.catch(() => {}); // its step reports it
    const working = Promise.all(Array.from({ length: AT_ONCE }, work));
    for (const [i, row] of rows.entries()) {
      const why = whyIgnored(row);
      await t.step({
        name: why ? `${row.name} (ignored: ${why})` : row.name,
        ignore: why !== undefined,
        fn: async () => {
          assertEquals(await outcomes[i]!.promise, expected(row));
        },
        // Other rows run at the same time; the test itself checks that everything is closed.
        sanitizeOps: false,
        sanitizeResources: false,
      });
    }
    await working;
  });
}

Deno.test("docs/differences_from_ssh.md says why rforward differs", async () => {
  const file = new URL("../../docs/differences_from_ssh.md", import.meta.url);
  const told = await Deno.readTextFile(file);
  for (const row of table.flatMap(([, rows]) => rows)) {
    if ("both" in row) continue;
    assert(told.includes(`\n| ${row.because} `), `${row.name}: ${row.because}`);
  }
});

/** What came of a row. */
interface Outcome {
  ssh: string;
  rforward: string;
}

function expected(row: Row): Outcome {
  return "both" in row
    ? { ssh: row.both, rforward: row.both }
    : { ssh: row.ssh, rforward: row.rforward };
}

async function runRow(row: Row, world: World): Promise<Outcome> {
  const outcome = (program: Program) =>
    observe(program, row, world, expected(row)[program]);
  const [ssh, rforward] = await Promise.all([
    outcome("ssh"),
    outcome("rforward"),
  ]);
  return { ssh, rforward };
}

/** Why a row cannot be run here; undefined if it can. */
function whyIgnored(row: Row): string | undefined {
  if (!hasIpv6 && /::/.test(JSON.stringify(row))) return "no IPv6";
  if (!row.asUser) return undefined;
  if (lowestPort === 0) return "every user may bind every port";
  return Deno.uid() === 0 ? whyUnavailable("useradd") : undefined;
}

const hasIpv6 = canListen("::1");
const lowestPort = Number(
  readIfPresent("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? 1024,
);

function canListen(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
