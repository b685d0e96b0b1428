import { TargetError } from "../../mod.ts";
import { createDialer, type Target } from "../../src/forward/target.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { FakeOpen } from "./fake_connection.ts";

/** The code of the error that a target is dialled with in vain. */
async function codeOf(target: Target): Promise<string> {
  const open = new FakeOpen({ address: "127.0.0.1", port: 1 });
  const error = await assertRejects(
    () => createDialer(target).dial(open, open.signal),
    TargetError,
  );
  return error.code;
}

Deno.test("dialer.dial() tells a target that refuses from one that cannot be reached", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  assertEquals(await codeOf({ port }), "target-refused");

  const dir = await Deno.makeTempDir();
  const path = `${dir}/stale.sock`;
  assertEquals(await codeOf({ path }), "target-unreachable");
  await Deno.writeTextFile(path, ""); // as a stale socket, nothing listens there
  assertEquals(await codeOf({ path }), "target-refused");
  await Deno.remove(dir, { recursive: true });

  assertEquals(
    await codeOf({ host: "nothing.invalid", port }),
    "target-unreachable",
  );
});

Deno.test({
  name: "dialer.dial() says that a target is not permitted",
  permissions: { net: false },
  fn: async () => {
    assertEquals(await codeOf({ port: 9 }), "permission-denied");
  },
});
