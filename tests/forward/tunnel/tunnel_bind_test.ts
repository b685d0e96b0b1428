/** The port that a tunnel asks for: denied, taken by another program, on several addresses. */
import { forward, ForwardDeniedError } from "../../../mod.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import {
  ask,
  isRefused,
  receiveText,
  startEcho,
  startRig,
  visit,
} from "../rig.ts";

serverTest(
  "sshd",
  "forward() asks twice for a port in use, calls onRequestDenied, and leaves the connection usable",
  async () => {
    await using rig = await startRig("sshd");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const denied: ForwardDeniedError[] = [];
    const told: string[] = [];
    const logger = {
      debug() {},
      info: (message: string) => told.push(message),
      warn() {},
      error() {},
    };
    const error = await assertRejects(
      () =>
        forward(rig.connection, {
          bind: { port },
          target: { port: 1 },
          bindRetry: { firstMs: 10 },
          onRequestDenied: (error) => denied.push(error),
          logger,
        }),
      ForwardDeniedError,
    );
    assertEquals(error.bind, { hostname: "127.0.0.1", port });
    assertEquals(denied, [error]);
    assertEquals(
      told.filter((line) => line.includes("asking again")).length,
      1,
    );

    await using echo = startEcho("echo");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
    });
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "forward() asks for a port in use again for `bindRetry.forMs`",
  async () => {
    await using rig = await startRig("sshd");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const told: string[] = [];
    const logger = {
      debug() {},
      info: (message: string) => told.push(message),
      warn() {},
      error() {},
    };
    await assertRejects(
      () =>
        forward(rig.connection, {
          bind: { port: taken.addr.port },
          target: { port: 1 },
          bindRetry: { firstMs: 10, forMs: 150 },
          logger,
        }),
      ForwardDeniedError,
    );
    assertEquals(
      told.map((line) => line.match(/again in (\d+) ms/)?.[1]),
      ["10", "20", "40", "80"],
    );
  },
);

serverTest(
  "sshd",
  "forward() binds a port that becomes free before it asks again",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const logger = {
      debug() {},
      info: (message: string) => {
        if (message.includes("asking again")) taken.close();
      },
      warn() {},
      error() {},
    };
    await using tunnel = await forward(rig.connection, {
      bind: { port },
      target: { port: echo.port },
      bindRetry: { firstMs: 10 },
      logger,
    });
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "a tunnel that is denied a port leaves the tunnel that has it alone",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    await using first = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
    });
    await assertRejects(
      () =>
        forward(rig.connection, {
          bind: { port: first.port },
          target: { port: 1 },
          bindRetry: { firstMs: 0 },
        }),
      ForwardDeniedError,
    );
    assertEquals(await ask(first.port, "hi"), "echo: hi");
  },
);

serverTest("sshd", "two tunnels share a port on two addresses", async () => {
  await using rig = await startRig("sshd", {
    sshd: { config: ["GatewayPorts clientspecified"] },
  });
  await using one = startEcho("one");
  await using two = startEcho("two");
  await using first = await forward(rig.connection, {
    bind: { hostname: "127.0.0.1", port: 0 },
    target: { port: one.port },
  });
  await using second = await forward(rig.connection, {
    bind: { hostname: "127.0.0.2", port: first.port },
    target: { port: two.port },
  });
  assertEquals(await ask(first.port, "hi"), "one: hi");
  using conn = await visit(second.port, "127.0.0.2");
  await conn.closeWrite();
  assertEquals(await receiveText(conn), "two: ");
});

for (const address of ["", "localhost", "127.0.0.1", "::1", "0.0.0.0"]) {
  serverTest(
    "sshd",
    `a tunnel binds ${address || "all addresses"}`,
    async () => {
      await using rig = await startRig("sshd", {
        sshd: { config: ["GatewayPorts clientspecified"] },
      });
      await using echo = startEcho("echo");
      await using tunnel = await forward(rig.connection, {
        bind: { hostname: address, port: 0 },
        target: { port: echo.port },
      });
      const from = address === "::1" ? "::1" : "127.0.0.1";
      using conn = await visit(tunnel.port, from);
      await conn.closeWrite();
      assertEquals(await receiveText(conn), "echo: ");
      assertEquals(await tunnel.pause(), true);
      assertEquals(await isRefused(tunnel.port, from), true);
    },
  );
}
