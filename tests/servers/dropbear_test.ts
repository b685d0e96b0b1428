import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { serverTest } from "./availability.ts";
import { startDropbear } from "./dropbear.ts";
import { run } from "./run.ts";
import { sshArguments } from "./ssh_server.ts";

serverTest(
  ["dropbear", "ssh"],
  "startDropbear() starts a server that ssh logs in to",
  async () => {
    await using dropbear = await startDropbear();

    const printed = await run("ssh", [
      ...sshArguments(dropbear),
      "id -un",
    ]);

    assertEquals(printed, `${dropbear.user}\n`);
    assertMatch(await dropbear.log(), /Pubkey auth succeeded/);
  },
);

serverTest(
  ["dropbear", "dbclient"],
  "startDropbear() starts a server that dbclient logs in to",
  async () => {
    await using dropbear = await startDropbear();

    const printed = await run("env", [
      ...[`DROPBEAR_PASSWORD=${dropbear.password}`, `HOME=${dropbear.dir}`],
      ...["dbclient", "-y", "-p", String(dropbear.port)],
      `${dropbear.user}@${dropbear.hostname}`,
      "echo hello",
    ]);

    assertEquals(printed, "hello\n");
  },
);

serverTest(
  "dropbear",
  "startDropbear() leaves neither process, user nor file behind",
  async () => {
    const dropbear = await startDropbear();
    const { pid, dir, user } = dropbear;
    await run("id", [user]);
    await dropbear[Symbol.asyncDispose]();

    await assertRejects(() => Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
    await assertRejects(() => Deno.stat(dir), Deno.errors.NotFound);
    await assertRejects(() => run("id", [user]), Error);
  },
);
