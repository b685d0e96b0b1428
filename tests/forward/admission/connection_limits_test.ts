/** How many may connect, and how often, seen by programs on a real server. */
import { forward } from "../../../mod.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { FakeConnection, FakeOpen } from "../fake_connection.ts";
import { ask, receive, receiveText, startEcho, visit } from "../rig.ts";
import { THOROUGH } from "../../thorough.ts";
import { askFrom, seeRefusal, startAdmissionSite } from "./admission_site.ts";

serverTest(
  "sshd",
  "admission.maxConnections refuses with a shortage of resources until one has ended, and leaves other tunnels alone",
  async () => {
    await using site = await startAdmissionSite({ maxConnections: 2 });
    const { tunnel, refused, rig } = site;
    await using echo = startEcho("other");
    await using other = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
    });
    const first = await visit(tunnel.port);
    using second = await visit(tunnel.port);
    for (const conn of [first, second]) {
      await conn.write(new Uint8Array([65]));
    }
    await seeRefusal(tunnel.port);
    assertEquals(refused[0]?.reason, "resource-shortage");
    assertEquals(refused[0]?.rule, "maxConnections");
    assert(/open failed: resource shortage: too many/.test(
      await rig.server.log(),
    ));
    assertEquals(await ask(other.port, "hi"), "other: hi");

    await first.closeWrite();
    assertEquals(await receiveText(first), "echo: A");
    first.close();
    await within(
      10_000,
      "the first connection's end",
      site.connections[0]!.closed,
    );
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    const { admitted, refused: counted } = tunnel.admission!.counts;
    assertEquals([admitted, counted], [3, 1]);
  },
);

serverTest(
  "sshd",
  "admission.maxConnectionsPerOriginator counts each address apart",
  async () => {
    await using site = await startAdmissionSite({
      maxConnectionsPerOriginator: 1,
    });
    const { tunnel, refused, rig } = site;
    using held = await visit(tunnel.port);
    await held.write(new Uint8Array([65]));
    await seeRefusal(tunnel.port);
    assertMatch(
      await rig.server.log(),
      /resource shortage: too many connections from this address/,
    );
    assertEquals(await askFrom("127.0.0.2", tunnel.port), "echo: hi");
    assertEquals(refused.map(({ rule }) => rule), [
      "maxConnectionsPerOriginator",
    ]);
  },
);

Deno.test("admission.maxConnectionsPerOriginator counts one address in all its notations", async () => {
  const bind = { hostname: "localhost", port: 80 };
  await using connection = new FakeConnection();
  await using _tunnel = await forward(connection, {
    bind,
    target: (conn) => conn.readable.pipeTo(conn.writable),
    admission: { maxConnectionsPerOriginator: 1 },
  });
  const outcomes: unknown[] = [];
  for (
    const address of [
      "192.0.2.1",
      "::ffff:192.0.2.1",
      "::FFFF:c000:201",
      "2001:db8::1",
      "2001:DB8:0::1",
    ]
  ) {
    class From extends FakeOpen {
      override readonly originator = { address, port: 1 };
    }
    const open = new From(bind);
    await connection.offer(open);
    outcomes.push(open.outcome);
  }
  const [first, mapped, hex, second, long] = outcomes;
  assertEquals([mapped, hex, long], Array(3).fill("resource-shortage"));
  assertEquals(first, second);
});

serverTest(
  "sshd",
  "admission.maxRate refuses what comes too fast, and each that came was admitted or refused",
  async () => {
    await using site = await startAdmissionSite({ maxRate: 40 });
    const { tunnel } = site;
    const began = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => ask(tunnel.port, "hi").catch(() => "")),
    );
    const seconds = (performance.now() - began) / 1000;
    const { admitted, refused, refusedBy, live } = tunnel.admission!.counts;
    const served = answers.filter((answer) => answer === "echo: hi").length;
    assertEquals(admitted, served);
    assertEquals(admitted + refused, 60);
    assertEquals(refusedBy, { maxRate: refused });
    assertEquals(live, tunnel.connections.size);
    assertMatch(
      await site.rig.server.log(),
      /resource shortage: too many connections at once/,
    );
    // A quarter of a second's number at once.
    assert(served >= 10 && served <= 10 + 40 * seconds, `${served} served`);
  },
);

serverTest(
  "sshd",
  "admission.maxRate holds under overload",
  async () => {
    // RFORWARD_THOROUGH=1: ten seconds, and five per cent.
    const [ms, off] = THOROUGH ? [10_000, 0.05] : [400, 0.8];
    await using site = await startAdmissionSite({ maxRate: 100 });
    const { tunnel } = site;
    const began = performance.now();
    await Promise.all(Array.from({ length: 8 }, async () => {
      while (performance.now() < began + ms) {
        using conn = await visit(tunnel.port);
        await conn.closeWrite();
        await receive(conn).catch(() => {});
      }
    }));
    const seconds = (performance.now() - began) / 1000;
    const { admitted, refused } = tunnel.admission!.counts;
    const rate = admitted / seconds;
    if (THOROUGH) console.log({ rate, admitted, refused });
    assert(rate < 100 * (1 + off), `${rate} a second`);
    if (THOROUGH) assert(rate > 95, `${rate} a second`);
  },
);
