import { ArgumentError, TargetError } from "../../../mod.ts";
import { createDialer } from "../../../src/forward/targets/create_dialer.ts";
import type { Dialer } from "../../../src/forward/targets/dialer.ts";
import { assertEquals, assertRejects, assertThrows } from "../../assert.ts";
import { freePort } from "../../servers/free_port.ts";
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
  const port = freePort();
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

Deno.test("createDialer() refuses options that there are not, as a typing error would have no effect", () => {
  const wrong: [unknown, string][] = [
    [{ port: 80, hostName: "10.0.0.1" }, "target.hostName"],
    [{ port: 80, proxyprotocol: 2 }, "target.proxyprotocol"],
    [{ prot: 80 }, "target.prot"],
    [{ path: "/run/web.sock", proxyprotocol: 1 }, "target.proxyprotocol"],
    [{ fetch: () => {}, onerror: () => {} }, "target.onerror"],
    [{ socks: {}, permit: "none" }, "target.permit"],
    [{ socks: { permits: "none" } }, "target.socks.permits"],
    [{ socks: { credential: {} } }, "target.socks.credential"],
    [
      { socks: { credentials: { user: "a", password: "b", pass: "c" } } },
      "credentials.pass",
    ],
    [JSON.parse('{ "port": 80, "__proto__": { "a": 1 } }'), "target.__proto__"],
  ];
  for (const [target, argument] of wrong) {
    const error = assertThrows(
      () => createDialer(target as never),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});

Deno.test("createDialer() takes an address of Deno's as a target", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertEquals(createDialer(listener.addr).name, `127.0.0.1:${port}`);
  const unix: Deno.UnixAddr = { transport: "unix", path: "/run/web.sock" };
  assertEquals(createDialer(unix).name, "/run/web.sock");
});

Deno.test("createDialer() refuses options that have no effect on the target", () => {
  const fetch = () => new Response("hello");
  const wrong: [unknown, object, string][] = [
    [{ fetch, proxyProtocol: 1 }, {}, "target.proxyProtocol"],
    [{ socks: {}, proxyProtocol: 2 }, {}, "target.proxyProtocol"],
    [{ fetch, port: 80 }, {}, "target.port"],
    [{ fetch, socks: {} }, {}, "target.fetch"],
    [{ path: "/run/web.sock", port: 80 }, {}, "target.port"],
    [{ port: 80, idleTimeoutMs: 5 }, {}, "target.idleTimeoutMs"],
    [{ fetch }, { targetTimeoutMs: 5 }, "targetTimeoutMs"],
    [{ fetch }, { lingerMs: 5 }, "lingerMs"],
    [() => {}, { targetTimeoutMs: 5 }, "targetTimeoutMs"],
    [() => {}, { lingerMs: 5 }, "lingerMs"],
  ];
  for (const [target, options, argument] of wrong) {
    const error = assertThrows(
      () => createDialer(target as never, options),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
  createDialer("socks", { targetTimeoutMs: 5, lingerMs: 5 });
  createDialer({ port: 80, hostname: undefined, proxyProtocol: 1 } as never);
});
