/** Who may connect, seen by programs on a real server. */
import {
  Admission,
  type AdmissionRefusal,
  type AdmissionRules,
  ArgumentError,
  forward,
  type ReverseTunnel,
  type TunnelConnection,
} from "../../../mod.ts";
import { dialFrom } from "../../../src/ssh/dial/dial_from.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../assert.ts";
import { startAsyncsshServer } from "../../servers/asyncssh_server.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import { within } from "../../within.ts";
import { FakeConnection, FakeOpen } from "../fake_connection.ts";
import {
  ask,
  connectTo,
  receive,
  receiveText,
  type Rig,
  startEcho,
  startRig,
  startService,
  visit,
} from "../rig.ts";
import { THOROUGH } from "../../thorough.ts";

/** A tunnel with rules on a real sshd. */
async function startTunnel(
  admission: AdmissionRules | Admission | undefined,
  serve?: (conn: Deno.Conn) => Promise<void>,
): Promise<
  AsyncDisposable & {
    rig: Rig;
    tunnel: ReverseTunnel;
    connections: TunnelConnection[];
    refused: AdmissionRefusal[];
    taken: () => number;
  }
> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await startRig("sshd"));
  const service = stack.use(serve ? startService(serve) : startEcho("echo"));
  const refused: AdmissionRefusal[] = [];
  const connections: TunnelConnection[] = [];
  const tunnel = stack.use(
    await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: service.port },
      ...admission && { admission },
      onConnection: (connection) => connections.push(connection),
      onRefused: (refusal) => refused.push(refusal),
    }),
  );
  const kept = stack.move();
  return {
    rig,
    tunnel,
    connections,
    refused,
    taken: () => service.taken,
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

/** Asks from another address of this machine; returns the answer, empty if it was refused. */
async function askFrom(address: string, port: number): Promise<string> {
  const { signal } = new AbortController();
  const { readable, writable, close } = await dialFrom(address)({
    hostname: "127.0.0.1",
    port,
    signal,
  });
  const answer = new Response(readable).text().catch(() => "");
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode("hi")).catch(() => {});
  await writer.close().catch(() => {});
  try {
    return await answer;
  } finally {
    close?.();
  }
}

/** Connects, and waits for the end that a refusal is. */
async function seeRefusal(port: number): Promise<void> {
  using conn = await visit(port);
  assertEquals(await receiveText(conn).catch(() => ""), "");
}

serverTest(
  "sshd",
  "admission.allow and deny refuse by address, with SSH's reason, before the target is dialled",
  async () => {
    await using site = await startTunnel({
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

serverTest(
  "sshd",
  "admission.maxConnections refuses with a shortage of resources until one has ended, and leaves other tunnels alone",
  async () => {
    await using site = await startTunnel({ maxConnections: 2 });
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
      5000,
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
    await using site = await startTunnel({ maxConnectionsPerOriginator: 1 });
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

serverTest(
  "sshd",
  "admission.maxRate refuses what comes too fast, and each that came was admitted or refused",
  async () => {
    await using site = await startTunnel({ maxRate: 40 });
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
    await using site = await startTunnel({ maxRate: 100 });
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

serverTest(
  "sshd",
  "admission.decide decides about each connection; one that it throws for, or takes too long for, is refused",
  async () => {
    const seen: string[] = [];
    const answers: (() => boolean | Promise<boolean>)[] = [
      () => true,
      () => Promise.resolve(true),
      () => false,
      () => Promise.reject(new Error("no")),
      () => {
        throw new Error("no");
      },
      () => new Promise(() => {}),
    ];
    const aborted: boolean[] = [];
    await using site = await startTunnel({
      decideTimeoutMs: 50,
      decide: ({ originator, signal }) => {
        seen.push(originator.address);
        signal.addEventListener("abort", () => aborted.push(true));
        return answers.shift()!();
      },
    });
    const { tunnel, refused, taken } = site;
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    for (let i = 0; i < 4; i++) await seeRefusal(tunnel.port);
    assertEquals(seen, Array(6).fill("127.0.0.1"));
    assertEquals(taken(), 2);
    assertEquals(refused.map(({ rule }) => rule), Array(4).fill("decide"));
    assertEquals(aborted.length, 6, "the signal says that it is over");
    const log = await site.rig.server.log();
    assertEquals(log.match(/administratively prohibited/g)?.length, 4);
    assertEquals(tunnel.admission!.counts.live, tunnel.connections.size);
  },
);

serverTest(
  "sshd",
  "tunnel.pause() refuses a connection that is being decided about",
  async () => {
    const asked = Promise.withResolvers<void>();
    await using site = await startTunnel({
      decide: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const { tunnel } = site;
    using conn = await visit(tunnel.port);
    await asked.promise;
    await tunnel.pause();
    assertEquals(await receiveText(conn).catch(() => ""), "");
    assertEquals(tunnel.admission!.counts.live, 0);
  },
);

serverTest(
  "sshd",
  "tunnel.setAdmission() changes the rules while the tunnel runs, also of live connections",
  async () => {
    await using site = await startTunnel(undefined);
    const { tunnel } = site;
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    tunnel.setAdmission({ deny: ["127.0.0.1"] });
    await seeRefusal(tunnel.port);
    tunnel.setAdmission({ maxConnections: 1 });
    using held = await visit(tunnel.port);
    await held.write(new Uint8Array([65]));
    await seeRefusal(tunnel.port);
    const [connection] = tunnel.connections;
    assert(connection);
    // The old rules stay if the new ones are wrong.
    assertThrows(
      () => tunnel.setAdmission({ allow: ["127.0.0.1/8"] }),
      ArgumentError,
    );
    await seeRefusal(tunnel.port);
    tunnel.setAdmission({ maxDurationMs: 1 });
    const { error } = await within(5000, "the end", connection.closed);
    assertEquals(error?.code, "time-limit");
    tunnel.setAdmission({});
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

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
      await using site = await startTunnel(rules, async (conn) => {
        await receive(conn).catch(() => {});
        ended.resolve();
      });
      const { tunnel } = site;
      using conn = await visit(tunnel.port);
      assertEquals(await receiveText(conn).catch(() => ""), "");
      await within(5000, "the end for the target", ended.promise);
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
    await using site = await startTunnel({
      firstByteTimeoutMs: 400,
      idleTimeoutMs: 400,
    }, async (conn) => {
      await conn.read(new Uint8Array(1));
      for (let i = 0; i < 12; i++) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        await conn.write(new Uint8Array([65]));
      }
      await conn.closeWrite();
      await receive(conn);
    });
    using conn = await visit(site.tunnel.port);
    await conn.write(new Uint8Array([65]));
    assertEquals(await receiveText(conn), "A".repeat(12));
  },
);

serverTest(
  "sshd",
  "an Admission that several tunnels have limits them together",
  async () => {
    const admission = new Admission({ maxConnections: 1 });
    await using site = await startTunnel(admission);
    await using echo = startEcho("other");
    await using other = await forward(site.rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
      admission,
    });
    using held = await visit(site.tunnel.port);
    await held.write(new Uint8Array([65]));
    await seeRefusal(other.port);
    assertEquals(admission.counts.refused, 1);
  },
);

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

Deno.test("forward() takes no admission that is none", async () => {
  await using connection = new FakeConnection();
  for (const admission of [null, 0, "", ["10.0.0.0/8"]]) {
    const error = await forward(connection, {
      bind: { port: 0 },
      target: () => {},
      admission: admission as unknown as AdmissionRules,
    }).catch((error) => error);
    assertEquals(error.argument, "admission");
  }
});

Deno.test("new Admission() names what cannot be used", () => {
  const bad: AdmissionRules[] = [
    { maxConnections: -1 },
    { maxRate: 0 },
    { maxBandwidth: NaN },
    { maxBandwidthPerConnection: 0 },
    { idleTimeoutMs: -1 },
    { allow: ["localhost"] },
    { allow: "10.0.0.0/8" as unknown as string[] },
    { allow: null as unknown as string[] },
    { maxConnection: 5 } as AdmissionRules,
    { decide: true as unknown as () => boolean },
  ];
  for (const rules of bad) {
    const [rule] = Object.keys(rules);
    const error = assertThrows(() => new Admission(rules), ArgumentError);
    assertEquals(error.argument, `admission.${rule}`);
  }
  for (const rules of [null, 5, ["10.0.0.0/8"]] as unknown[]) {
    const error = assertThrows(
      () => new Admission(rules as AdmissionRules),
      ArgumentError,
    );
    assertEquals(error.argument, "admission");
  }
});
