import {
  ArgumentError,
  type Bind,
  forward,
  probe,
  type ProbeResult,
  type Reach,
  type SshConnection,
} from "../../../mod.ts";
import { PortDispatcher } from "../../../src/forward/tunnel/dispatcher.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import { freePort } from "../../servers/free_port.ts";
import {
  ask,
  connectTo,
  send,
  servers,
  startEcho,
  startRig,
  startService,
} from "../rig.ts";

function answers({ addresses }: ProbeResult): Record<string, string> {
  return Object.fromEntries(addresses.map((a) => [a.address, a.answer]));
}

for (const server of servers) {
  for (const address of ["127.0.0.1", "::1", "localhost", "", "0.0.0.0"]) {
    serverTest(
      server,
      `probe() finds us at ${JSON.stringify(address)}`,
      async () => {
        await using rig = await startRig(server);
        await using echo = startEcho("echo");
        await using tunnel = await forward(rig.connection, {
          bind: { hostname: address, port: 0 },
          target: { port: echo.port },
        });

        const found = await probe(rig.connection, tunnel.bound);

        assertEquals(found.verdict, "verified");
        assert(found.ms > 0);
        assertEquals(echo.taken, 0, "the target saw the probe");
        assertEquals(rig.connection.openChannels, 0);
      },
    );
  }

  serverTest(
    server,
    "probe() leaves connections alone that come in meanwhile",
    async () => {
      await using rig = await startRig(server);
      await using echo = startEcho("echo");
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: echo.port },
      });
      const probing = Promise.all(
        Array.from({ length: 10 }, () => probe(rig.connection, tunnel.bound)),
      );
      const asking = Promise.all(
        Array.from({ length: 50 }, (_, i) => ask(tunnel.port, `${i}`)),
      );

      assertEquals(
        await asking,
        Array.from({ length: 50 }, (_, i) => `echo: ${i}`),
      );
      for (const { verdict } of await probing) {
        assertEquals(verdict, "verified");
      }
      assertEquals(echo.taken, 50);
    },
  );
}

serverTest("sshd", "probe() finds us at a Unix socket", async () => {
  await using rig = await startRig("sshd");
  const path = `${rig.server.dir}/bound.sock`;
  await using tunnel = await forward(rig.connection, {
    bind: { path },
    target: { port: 1 },
  });
  const { verdict, addresses } = await probe(rig.connection, tunnel.bound);
  assertEquals(verdict, "verified");
  assertEquals(addresses, [{ address: path, answer: "ours" }]);
});

serverTest(
  "sshd",
  "probe() sees that one of two addresses belongs to another program, and sends nothing there",
  async () => {
    await using rig = await startRig("sshd");
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using tunnel = await forward(rig.connection, {
      bind: { hostname: "localhost", port: other.addr.port },
      target: { port: 1 },
    });
    const heard = other.accept().then(async (conn) => {
      using _conn = conn;
      return await conn.read(new Uint8Array(1));
    });

    const found = await probe(rig.connection, tunnel.bound, {
      timeoutMs: 500,
    });

    assertEquals(found.verdict, "half-bound");
    assertEquals(answers(found), { "127.0.0.1": "foreign", "::1": "ours" });
    assertEquals(await heard, null);
  },
);

serverTest("sshd", "probe() sees that another program answers", async () => {
  await using rig = await startRig("sshd");
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const bound = { hostname: "127.0.0.1", port: other.addr.port };
  const registration = PortDispatcher.of(rig.connection)
    .register(bound, () => Promise.resolve());
  const found = await probe(rig.connection, bound, { timeoutMs: 300 });
  registration.remove();
  (await other.accept()).close();
  assertEquals(found.verdict, "foreign");
});

for (const what of ["speaks", "hangs up"] as const) {
  serverTest(
    "sshd",
    `probe() does not wait for another program that ${what} first`,
    async () => {
      await using rig = await startRig("sshd");
      const written = Promise.withResolvers<void>();
      await using other = startService(async (conn) => {
        if (what === "speaks") {
          await send(conn, "SSH-2.0-other\r\n");
          await written.promise;
        }
      });
      const bound = { hostname: "127.0.0.1", port: other.port };
      PortDispatcher.of(rig.connection).register(
        bound,
        () => Promise.resolve(),
      );
      const found = await probe(rig.connection, bound, { timeoutMs: 60_000 });
      written.resolve();
      assertEquals(found.verdict, "foreign");
      assertEquals(other.taken, 1);
    },
  );
}

serverTest("sshd", "probe() sees that nothing answers", async () => {
  await using rig = await startRig("sshd");
  const bound = { hostname: "127.0.0.1", port: freePort() };
  PortDispatcher.of(rig.connection).register(bound, () => Promise.resolve());
  const found = await probe(rig.connection, bound);
  assertEquals(found.verdict, "unreachable");
});

for (
  const config of ["PermitOpen none", "AllowTcpForwarding remote"]
) {
  serverTest("sshd", `probe() cannot look with ${config}`, async () => {
    await using rig = await startRig("sshd", { sshd: { config: [config] } });
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: 1 },
    });
    const found = await probe(rig.connection, tunnel.bound);
    assertEquals(found.verdict, "unverifiable");
    assertEquals(answers(found), { "127.0.0.1": "forbidden" });
  });
}

const everywhere = ["", "*", "0.0.0.0", "::", "192.0.2.1", "server.invalid"];
const loopback = ["127.0.0.1", "::1", "localhost"];

// `::1` and `::` under clientspecified are IPv6 alone, and loopback has but one
// address of it: what was dialled would have to be IPv6 to tell.
for (
  const [gateway, expected] of [
    ["no", {
      "server-only": ["127.0.0.1", "127.7.7.7", "localhost", ...everywhere],
      unknown: ["::1"],
    }],
    ["yes", { network: [...loopback, ...everywhere] }],
    ["clientspecified", {
      network: ["", "*", "0.0.0.0"],
      "server-only": ["127.0.0.1", "127.7.7.7", "127.0.0.2", "localhost"],
      unknown: ["::1", "::"],
    }],
  ] satisfies [string, Partial<Record<Reach, string[]>>][]
) {
  serverTest(
    "sshd",
    `probe() sees from where a port can be reached with GatewayPorts ${gateway}`,
    async () => {
      await using rig = await startRig("sshd", {
        sshd: { config: [`GatewayPorts ${gateway}`] },
      });
      for (const [reach, addresses] of Object.entries(expected)) {
        for (const hostname of addresses) {
          const found = await probeWhole(rig.connection, hostname);
          assertEquals(
            [hostname, found.verdict, found.reach, found.askedReach],
            [
              hostname,
              "verified",
              reach as Reach,
              everywhere.includes(hostname) ? "network" : "server-only",
            ],
          );
        }
      }
      assertEquals(rig.connection.openChannels, 0);
    },
  );
}

/** Probes a port that sshd chooses at one address, and again where another program has it at the other one. */
async function probeWhole(connection: SshConnection, hostname: string) {
  for (let attempt = 1;; attempt++) {
    await using tunnel = await forward(connection, {
      bind: { hostname, port: 0 },
      target: { port: 1 },
    });
    const found = await probe(connection, tunnel.bound);
    if (found.verdict !== "half-bound" || attempt === 5) return found;
  }
}

for (const args of [[], ["-a"]]) {
  serverTest(
    "dropbear",
    `probe() sees from where a port can be reached with dropbear ${args}`,
    async () => {
      await using server = await startDropbear({ args });
      await using connection = await connectTo(server);
      for (
        const [hostname, reach] of [
          ["127.0.0.1", "server-only"],
          ["localhost", "server-only"],
          ["0.0.0.0", args.length > 0 ? "network" : "server-only"],
          ["", args.length > 0 ? "network" : "server-only"],
        ] as const
      ) {
        await using tunnel = await forward(connection, {
          bind: { hostname, port: 0 },
          target: { port: 1 },
        });
        const found = await probe(connection, tunnel.bound);
        assertEquals([hostname, found.reach], [hostname, reach]);
        const isWarned = hostname !== "127.0.0.1" && hostname !== "localhost" &&
          args.length === 0;
        assertEquals(
          found.warning?.includes("option -a"),
          isWarned || undefined,
        );
      }
    },
  );
}

serverTest(
  "sshd",
  "probe() does not guess from where a port can be reached that it may not look at elsewhere",
  async () => {
    for (const gateway of ["no", "yes"]) {
      await using rig = await startRig("sshd", {
        sshd: {
          config: [`GatewayPorts ${gateway}`, "PermitOpen 127.0.0.1:*"],
        },
      });
      await using tunnel = await forward(rig.connection, {
        bind: { hostname: "0.0.0.0", port: 0 },
        target: { port: 1 },
      });
      const { verdict, reach } = await probe(rig.connection, tunnel.bound);
      assertEquals([verdict, reach], ["verified", "unknown"]);
    }
  },
);

serverTest(
  "sshd",
  "probe() does not look again for a reach that is known",
  async () => {
    await using rig = await startRig("sshd");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: 1 },
    });
    const looked: string[] = [];
    const { connection } = rig;
    const openDirect = connection.openDirect.bind(connection);
    connection.openDirect = (host, ...rest) => {
      looked.push(host);
      return openDirect(host, ...rest);
    };
    const { reach } = await probe(connection, tunnel.bound);
    assertEquals(looked, ["127.0.0.1", "127.0.0.2"]);
    assertEquals(
      (await probe(connection, tunnel.bound, { reach })).reach,
      "server-only",
    );
    assertEquals(looked.length, 3);
  },
);

serverTest(
  "sshd",
  "probe() finds us at loopback where GatewayPorts does not heed the address",
  async () => {
    await using rig = await startRig("sshd");
    await using tunnel = await forward(rig.connection, {
      bind: { hostname: "127.7.7.7", port: 0 },
      target: { port: 1 },
    });
    const found = await probe(rig.connection, tunnel.bound);
    assertEquals(found.verdict, "verified");
    assertEquals(answers(found), {
      "127.7.7.7": "closed",
      "127.0.0.1": "ours",
      "::1": "ours",
    });
  },
);

serverTest(
  "sshd",
  "probe() rejects for a port that no tunnel is bound to, and for no port",
  async () => {
    await using rig = await startRig("sshd");
    for (const wrong of [{ hostname: "127.0.0.1", port: 9 }, {}, undefined]) {
      const error = await assertRejects(
        () => probe(rig.connection, wrong as Bind),
        ArgumentError,
      );
      assert(error.message.startsWith("bound"), error.message);
    }
  },
);

serverTest(
  "sshd",
  "probe() ends with the signal, and with the connection",
  async () => {
    await using rig = await startRig("sshd");
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const bound = { hostname: "127.0.0.1", port: other.addr.port };
    PortDispatcher.of(rig.connection).register(bound, () => Promise.resolve());
    const stop = new AbortController();
    const enough = new Error("enough");

    const first = probe(rig.connection, bound, { signal: stop.signal });
    first.catch(() => {});
    using _first = await other.accept();
    stop.abort(enough);
    assertEquals(await assertRejects(() => first, Error), enough);

    const second = probe(rig.connection, bound);
    second.catch(() => {});
    using _second = await other.accept();
    rig.server.killSessions("SIGKILL");
    const error = await assertRejects(() => second, Error);
    assertEquals(error.name, "ConnectionLostError");
  },
);
