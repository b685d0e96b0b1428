/** Who may connect by address, seen by programs on a real server. */
import { ArgumentError, forward } from "../../../mod.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { startAsyncsshServer } from "../../servers/asyncssh_server.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import { FakeConnection, FakeOpen } from "../fake_connection.ts";
import { connectTo, startEcho } from "../rig.ts";
import { askFrom, startAdmissionSite } from "./admission_site.ts";

serverTest(
  "sshd",
  "admission.allow and deny refuse by address, with SSH's reason, before the target is dialled",
  async () => {
    await using site = await startAdmissionSite({
      allow: ["127.0.0.0/30"],
      deny: ["::ffff:127.0.0.3"],
    });
    const { tunnel, refused, rig } = site;
    const { port } = tunnel;
    assertEquals(await askFrom("127.0.0.1", port), "echo: hi");
    assertEquals(await askFrom("127.0.0.2", port), "echo: hi");
    assertEquals(await askFrom("127.0.0.3", port), "");
    assertEquals(await askFrom("127.0.0.4", port), "");
    assertEquals(site.taken(), 2);
    assertEquals(
      refused.map(({ rule, reason, originator: { address } }) => ({
        rule,
        reason,
        address,
      })),
      [
        {
          rule: "deny",
          reason: "administratively-prohibited",
          address: "127.0.0.3",
        },
        {
          rule: "allow",
          reason: "administratively-prohibited",
          address: "127.0.0.4",
        },
      ],
    );
    const log = await rig.server.log();
    const said = log.match(/open failed: administratively prohibited: .*/g);
    assertEquals(
      said?.map((line) => line.trim()),
      Array(2).fill("open failed: administratively prohibited: not allowed"),
    );
    const { admitted, refusedBy } = tunnel.admission!.counts;
    assertEquals(admitted, 2);
    assertEquals(refusedBy, { allow: 1, deny: 1 });
  },
);

for (
  const [program, start] of [
    ["dropbear", startDropbear],
    ["asyncssh", startAsyncsshServer],
  ] as const
) {
  serverTest(
    program,
    `admission.allow goes by the address that ${program} reports`,
    async () => {
      await using server = await start();
      await using connection = await connectTo(server);
      await using echo = startEcho("echo");
      await using tunnel = await forward(connection, {
        bind: { port: 0 },
        target: { port: echo.port },
        admission: { allow: ["127.0.0.2"] },
      });
      assertEquals(await askFrom("127.0.0.1", tunnel.port), "");
      assertEquals(await askFrom("127.0.0.2", tunnel.port), "echo: hi");
      assertEquals(tunnel.admission!.counts.refusedBy, { allow: 1 });
    },
  );
}

Deno.test("rules by address cannot be used for a Unix socket, whose originators the server does not tell", async () => {
  await using connection = new FakeConnection();
  for (
    const rules of [
      { allow: ["10.0.0.0/8"] },
      { deny: ["10.0.0.0/8"] },
      { maxConnectionsPerOriginator: 1 },
    ]
  ) {
    const error = await forward(connection, {
      bind: { path: "/tmp/s" },
      target: { port: 1 },
      admission: rules,
    }).catch((error) => error);
    assert(error instanceof ArgumentError, `${Object.keys(rules)}`);
  }
});

Deno.test("a tunnel warns once where the server does not report who connects; allow admits none of it", async () => {
  class SishOpen extends FakeOpen {
    override readonly originator = { address: "localhost", port: 80 };
  }
  const bind = { hostname: "localhost", port: 80 };
  const warnings: string[] = [];
  await using connection = new FakeConnection();
  await using tunnel = await forward(connection, {
    bind,
    target: () => {},
    admission: { allow: ["0.0.0.0/0", "::/0"] },
    logger: {
      debug() {},
      info() {},
      warn: (message: string) => warnings.push(message),
      error() {},
    },
  });
  for (let i = 0; i < 3; i++) {
    const open = new SishOpen(bind);
    await connection.offer(open);
    assertEquals(open.outcome, "administratively-prohibited");
  }
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0]!, /does not .* who connects/);
  assertEquals(tunnel.admission!.counts.refused, 3);
});
