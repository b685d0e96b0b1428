import { ConnectionLostError } from "../../../mod.ts";
import { ProbeGuard } from "../../../src/forward/supervise/probe_guard.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { FakeConnection } from "../fake_connection.ts";

const lost = new ConnectionLostError("the server closed the connection");

/** A connection that is lost, or closed, while the server is asked; `times` at once. */
async function askInVain(
  guard: ProbeGuard,
  software: string,
  { isLost = true, times = 1 } = {},
): Promise<FakeConnection> {
  const connection = new FakeConnection(software);
  const asking = Array.from(
    { length: times },
    () =>
      guard.watch(connection, () => {
        const { promise, reject } = Promise.withResolvers<never>();
        connection.signal.addEventListener(
          "abort",
          () => reject(connection.signal.reason),
        );
        return promise;
      }),
  );
  connection.end(isLost ? lost : undefined);
  for (const one of asking) await assertRejects(() => one, Error);
  return connection;
}

for (
  const [software, most] of [
    ["Go", 1],
    ["another", 1],
    ["OpenSSH_9.2p1", 2],
    ["dropbear_2022.83", 2],
  ] as const
) {
  Deno.test(`probeGuard.allows() nothing after ${software} ended ${most} connections that were asked`, async () => {
    const guard = new ProbeGuard();
    const next = new FakeConnection(software);
    for (let i = 0; i < most; i++) {
      assert(guard.allows(next));
      await askInVain(guard, software, { times: 3 });
    }
    assert(!guard.allows(next));
  });
}

Deno.test("probeGuard.allows() it where asking was not the reason", async () => {
  const guard = new ProbeGuard();
  await askInVain(guard, "Go", { isLost: false });
  const connection = new FakeConnection("Go");
  assertEquals(await guard.watch(connection, () => Promise.resolve(1)), 1);
  const failing = () =>
    guard.watch(connection, () => Promise.reject(new Error("no")));
  await assertRejects(failing, Error);
  connection.end(lost);
  assert(guard.allows(new FakeConnection("Go")));
  assert(guard.explain(connection, lost) === lost);
});

Deno.test("probeGuard.allows() it again after sshd has answered", async () => {
  const guard = new ProbeGuard();
  const software = "OpenSSH_9.2p1";
  for (let i = 0; i < 3; i++) {
    await askInVain(guard, software);
    await guard.watch(new FakeConnection(software), () => Promise.resolve());
  }
  assert(guard.allows(new FakeConnection(software)));
});

Deno.test("probeGuard.explain() says that asking ended the connection", async () => {
  const guard = new ProbeGuard();
  const connection = await askInVain(guard, "Go");
  const { message, cause } = guard.explain(connection, lost);
  assertEquals(
    message,
    "the server closed the connection when it was asked to connect to its own port; it will not be asked again",
  );
  assert(cause === lost);
  const sshd = await askInVain(new ProbeGuard(), "OpenSSH_9.2p1");
  assert(guard.explain(sshd, lost) === lost);
});
