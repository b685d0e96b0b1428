/** How long a connection may last or be idle, seen by programs on a real server. */
import { assertEquals, assertMatch } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { receive, receiveText, visit } from "../rig.ts";
import { startAdmissionSite } from "./admission_site.ts";

for (
  const [rules, says] of [
    [{ firstByteTimeoutMs: 40 }, "sent nothing"],
    [{ idleTimeoutMs: 40 }, "idle"],
    [{ maxDurationMs: 40 }, "lasted"],
  ] as const
) {
  const [rule] = Object.keys(rules);
  serverTest(
    "sshd",
    `admission.${rule} ends a connection on both sides and says why`,
    async () => {
      const ended = Promise.withResolvers<void>();
      await using site = await startAdmissionSite(rules, async (conn) => {
        await receive(conn).catch(() => {});
        ended.resolve();
      });
      const { tunnel } = site;
      using conn = await visit(tunnel.port);
      assertEquals(await receiveText(conn).catch(() => ""), "");
      await within(10_000, "the end for the target", ended.promise);
      assertEquals(tunnel.admission!.counts.endedBy, { [rule!]: 1 });
      const { reason, error } = await site.connections[0]!.closed;
      assertEquals([reason, error?.code], ["lost", "time-limit"]);
      assertMatch(error!.message, new RegExp(`${says}.*\\(${rule}\\)`));
    },
  );
}

serverTest(
  "sshd",
  "admission.idleTimeoutMs and firstByteTimeoutMs leave a connection alone that moves bytes, whichever way",
  async () => {
    await using site = await startAdmissionSite({
      firstByteTimeoutMs: 2000,
      idleTimeoutMs: 2000,
    }, async (conn) => {
      await conn.read(new Uint8Array(1));
      for (let i = 0; i < 9; i++) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        await conn.write(new Uint8Array([65]));
      }
      await conn.closeWrite();
      await receive(conn);
    });
    using conn = await visit(site.tunnel.port);
    await conn.write(new Uint8Array([65]));
    assertEquals(await receiveText(conn), "A".repeat(9));
  },
);

serverTest("sshd", "a time of 0 in admission is no limit", async () => {
  await using site = await startAdmissionSite({
    firstByteTimeoutMs: 0,
    idleTimeoutMs: 0,
    maxDurationMs: 0,
  }, async (conn) => {
    await conn.write(new TextEncoder().encode("hi"));
    await conn.closeWrite();
    await receive(conn);
  });
  using conn = await visit(site.tunnel.port);
  await conn.closeWrite();
  assertEquals(await receiveText(conn), "hi");
  assertEquals(site.tunnel.admission!.counts.endedBy, {});
});
