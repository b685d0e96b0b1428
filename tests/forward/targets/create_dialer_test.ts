import { TargetError } from "../../../mod.ts";
import { createDialer } from "../../../src/forward/targets/create_dialer.ts";
import type { Dialer } from "../../../src/forward/targets/dialer.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { FakeOpen } from "../fake_connection.ts";

/** The code of the error that a target is dialled with in vain. */
async function codeOf(dialer: Dialer): Promise<string> {
  const open = new FakeOpen({ hostname: "127.0.0.1", port: 1 });
  const error = await assertRejects(
    () => dialer.dial(open, open.signal),
    TargetError,
  );
  return error.code;
}

Deno.test("dialer.dial() distinguishes a target that refuses from one that cannot be reached", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  assertEquals(await codeOf(createDialer({ port })), "target-refused");

  const dir = await Deno.makeTempDir();
  const path = `${dir}/stale.sock`;
  assertEquals(await codeOf(createDialer({ path })), "target-unreachable");
  await Deno.writeTextFile(path, ""); // as a stale socket, nothing listens there
  assertEquals(await codeOf(createDialer({ path })), "target-refused");
  await Deno.remove(dir, { recursive: true });

  assertEquals(
    await codeOf(createDialer({ hostname: "nothing.invalid", port })),
    "target-unreachable",
  );
});

// Whether it is permitted at the start is looked at when the dialer is made.
Deno.test({
  name: "dialer.dial() says that a target is permitted no longer",
  permissions: { net: ["127.0.0.1"] },
  fn: async () => {
    const dialer = createDialer({ port: 9 });
    Deno.permissions.revokeSync({ name: "net", host: "127.0.0.1" });
    assertEquals(await codeOf(dialer), "permission-denied");
  },
});
