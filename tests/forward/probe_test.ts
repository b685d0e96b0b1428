import {
  ArgumentError,
  forward,
  PortDispatcher,
  probe,
  type ProbeResult,
} from "../../mod.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import {
  ask,
  send,
  servers,
  startEcho,
  startRig,
  startService,
} from "./rig.ts";

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
          bind: { address, port: 0 },
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
    "probe() leaves alone who connects meanwhile",
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
  "probe() sees that one of two addresses is somebody else's, and sends nothing there",
  async () => {
    await using rig = await startRig("sshd");
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using tunnel = await forward(rig.connection, {
      bind: { address: "localhost", port: other.addr.port },
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

serverTest("sshd", "probe() sees that somebody else answers", async () => {
  await using rig = await startRig("sshd");
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const bound = { address: "127.0.0.1", port: other.addr.port };
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
    `probe() does not wait for somebody else who ${what} first`,
    async () => {
      await using rig = await startRig("sshd");
      const written = Promise.withResolvers<void>();
      await using other = startService(async (conn) => {
        if (what === "speaks") {
          await send(conn, "SSH-2.0-other\r\n");
          await written.promise;
        }
      });
      const bound = { address: "127.0.0.1", port: other.port };
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

serverTest("sshd", "probe() sees that nobody answers", async () => {
  await using rig = await startRig("sshd");
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const bound = { address: "127.0.0.1", port: other.addr.port };
  other.close();
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

for (const gateway of ["yes", "clientspecified"]) {
  for (const address of ["127.0.0.1", "localhost", "", "::"]) {
    serverTest(
      "sshd",
      `probe() finds us at ${
        JSON.stringify(address)
      } with GatewayPorts ${gateway}`,
      async () => {
        await using rig = await startRig("sshd", {
          sshd: { config: [`GatewayPorts ${gateway}`] },
        });
        await using tunnel = await forward(rig.connection, {
          bind: { address, port: 0 },
          target: { port: 1 },
        });
        const found = await probe(rig.connection, tunnel.bound);
        assertEquals(found.verdict, "verified");
      },
    );
  }
}

serverTest(
  "sshd",
  "probe() finds us at loopback where GatewayPorts does not heed the address",
  async () => {
    await using rig = await startRig("sshd");
    await using tunnel = await forward(rig.connection, {
      bind: { address: "127.7.7.7", port: 0 },
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
  "probe() rejects where nobody is down for a port",
  async () => {
    await using rig = await startRig("sshd");
    await assertRejects(
      () => probe(rig.connection, { address: "127.0.0.1", port: 9 }),
      ArgumentError,
    );
  },
);

serverTest(
  "sshd",
  "probe() ends with the signal, and with the connection",
  async () => {
    await using rig = await startRig("sshd");
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const bound = { address: "127.0.0.1", port: other.addr.port };
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
