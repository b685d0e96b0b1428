/** Tunnels from a Unix socket on the server, and what to do about a socket left behind. */
import { forward, ForwardDeniedError } from "../../../mod.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { receiveText, send, startEcho, startRig } from "../rig.ts";

serverTest(
  "sshd",
  "a tunnel leads from a Unix socket on the server to a Unix socket here",
  async () => {
    await using rig = await startRig("sshd");
    const here = `${rig.server.dir}/here.sock`;
    const there = `${rig.server.dir}/there.sock`;
    await using _echo = startEcho(
      "unix",
      Deno.listen({ transport: "unix", path: here }),
    );
    await using tunnel = await forward(rig.connection, {
      bind: { path: there },
      target: { path: here },
    });
    assertEquals(tunnel.bound, { path: there });
    using conn = await Deno.connect({ transport: "unix", path: there });
    await send(conn, "hi");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "unix: hi");
  },
);

serverTest(
  "sshd",
  "tunnel.resume() replaces its Unix socket, which sshd leaves behind",
  async () => {
    await using rig = await startRig("sshd");
    await using echo = startEcho("echo");
    const path = `${rig.server.dir}/it's there.sock`;
    await using tunnel = await forward(rig.connection, {
      bind: { path },
      target: { port: echo.port },
    });
    for (let round = 0; round < 2; round++) {
      await tunnel.pause();
      await tunnel.resume();
      using conn = await Deno.connect({ transport: "unix", path });
      await conn.closeWrite();
      assertEquals(await receiveText(conn), "echo: ");
    }
  },
);

serverTest(
  "sshd",
  "forward() with `unlinkStale` removes a socket that nothing listens on, and nothing else",
  async () => {
    await using rig = await startRig("sshd");
    const options = { target: { port: 1 }, bindRetry: { firstMs: 1 } };
    const path = `${rig.server.dir}/stale.sock`;
    await (await forward(rig.connection, { bind: { path }, ...options }))
      .stop();
    await assertRejects(
      () => forward(rig.connection, { bind: { path }, ...options }),
      ForwardDeniedError,
    );
    await using _tunnel = await forward(rig.connection, {
      bind: { path },
      unlinkStale: true,
      ...options,
    });

    const live = `${rig.server.dir}/live.sock`;
    using _listener = Deno.listen({ transport: "unix", path: live });
    const file = `${rig.server.dir}/file`;
    await Deno.writeTextFile(file, "precious");
    for (const path of [live, file]) {
      await assertRejects(
        () =>
          forward(rig.connection, {
            bind: { path },
            unlinkStale: true,
            ...options,
          }),
        ForwardDeniedError,
      );
    }
    assertEquals(await Deno.readTextFile(file), "precious");
    (await Deno.connect({ transport: "unix", path: live })).close();
  },
);

serverTest(
  "sshd",
  "`unlinkStale` leaves a socket that is in use, also where sshd does not connect to it",
  async () => {
    await using rig = await startRig("sshd", {
      sshd: { config: ["AllowStreamLocalForwarding remote"] },
    });
    const bind = { path: `${rig.server.dir}/it's [live].sock` };
    const options = {
      bind,
      target: { port: 1 },
      unlinkStale: true,
      bindRetry: { firstMs: 1 },
    };
    {
      using _listener = Deno.listen({ transport: "unix", path: bind.path });
      await assertRejects(
        () => forward(rig.connection, options),
        ForwardDeniedError,
      );
      (await Deno.connect({ transport: "unix", path: bind.path })).close();
    }
    await (await forward(rig.connection, options)).stop(); // sshd leaves it
    using _other = Deno.listen({ transport: "unix", path: `${bind.path}2` });
    await using _tunnel = await forward(rig.connection, options);
  },
);

serverTest(
  "sshd",
  "`unlinkStale` does not wait for a login shell that hangs",
  async () => {
    await using rig = await startRig("sshd", {
      sshd: { config: ["ForceCommand sleep 100"] },
    });
    const options = {
      bind: { path: `${rig.server.dir}/stale.sock` },
      target: { port: 1 },
      unlinkStale: true,
      bindRetry: { firstMs: 1 },
    };
    await (await forward(rig.connection, options)).stop();
    await within(
      20_000,
      "the denial",
      assertRejects(
        () => forward(rig.connection, options),
        ForwardDeniedError,
      ),
    );
  },
);
