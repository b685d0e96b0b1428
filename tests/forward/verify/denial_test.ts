import {
  type Bind,
  ChannelError,
  connect,
  ForwardDeniedError,
  type SshConnection,
} from "../../../mod.ts";
import {
  denialError,
  type DenialReason,
  whyDenied,
} from "../../../src/forward/verify/denial.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { freePort } from "../../servers/free_port.ts";
import { startFullPort } from "../../servers/tcp_server.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { FakeConnection } from "../fake_connection.ts";
import { connectTo, servers, startRig } from "../rig.ts";

/** Makes a request that is denied, and asks why. */
async function refusal(
  connection: SshConnection,
  bind: Bind,
): Promise<DenialReason> {
  const denied = await assertRejects(
    () => connection.requestForward(bind),
    ForwardDeniedError,
  );
  const { signal } = new AbortController();
  return await whyDenied(connection, bind, denied, signal);
}

for (const server of servers) {
  serverTest(
    server,
    "whyRefused() recognizes a port that is in use",
    async () => {
      await using rig = await startRig(server);
      using _v4 = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = _v4.addr;
      using _v6 = Deno.listen({ hostname: "::1", port });
      for (const hostname of ["127.0.0.1", "localhost"]) {
        assertEquals(
          await refusal(rig.connection, { hostname, port }),
          "in-use",
        );
      }
    },
  );
}

serverTest(
  "sshd",
  "whyRefused() knows a port that another session holds",
  async () => {
    await using rig = await startRig("sshd");
    await using other = await connectTo(rig.server);
    const bind = await other.requestForward({ hostname: "127.0.0.1", port: 0 });
    assertEquals(await refusal(rig.connection, bind), "in-use");
  },
);

serverTest(
  "sshd",
  "whyRefused() does not wait forever for a listener that accepts no connections",
  async () => {
    await using rig = await startRig("sshd");
    await using full = await startFullPort();
    const bind = { hostname: "127.0.0.1", port: full.port };
    assertEquals(await refusal(rig.connection, bind), "unknown");
  },
);

for (
  const policy of [
    "AllowTcpForwarding no",
    "PermitListen none",
    "PermitListen 127.0.0.1:9",
  ]
) {
  serverTest(
    "sshd",
    `whyRefused() knows that ${policy} prohibits a port`,
    async () => {
      await using rig = await startRig("sshd", { sshd: { config: [policy] } });
      for (const port of [0, 18_081]) {
        assertEquals(
          await refusal(rig.connection, { hostname: "127.0.0.1", port }),
          "prohibited",
        );
      }
    },
  );
}

serverTest(
  "sshd",
  "whyRefused() does not know of a port that it is not let to look at",
  async () => {
    await using rig = await startRig("sshd", {
      sshd: { config: ["PermitOpen none"] },
    });
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    assertEquals(
      await refusal(rig.connection, { hostname: "127.0.0.1", port }),
      "unknown",
    );
  },
);

serverTest(
  "sshd",
  "whyRefused() cannot tell about a Unix socket that nothing listens on",
  async () => {
    await using rig = await startRig("sshd");
    const path = `${rig.server.dir}/stale.sock`;
    await Deno.writeTextFile(path, "");
    assertEquals(await refusal(rig.connection, { path }), "unknown");
  },
);

for (
  const [what, allowForward, expected] of [
    ["any port", () => false, "prohibited"],
    ["this port", (bind) => "port" in bind && bind.port === 0, "unknown"],
  ] satisfies [string, (bind: Bind) => boolean, DenialReason][]
) {
  Deno.test(`whyRefused() asks a server that says nothing whether it would not bind ${what}`, async () => {
    await using server = await startTestServer({ allowForward });
    await using connection = await connect(loginOptions(server));
    const { signal } = new AbortController();
    // A free port that is not privileged.
    const bind = { hostname: "127.0.0.1", port: freePort() };
    const denied = new ForwardDeniedError(bind, "no");
    assertEquals(
      await whyDenied(connection, bind, denied, signal),
      expected,
    );
  });
}

for (
  const [user, expected] of [["root", "unknown"], ["x2go", "prohibited"]]
) {
  Deno.test(`whyRefused() takes a port under 1024 that it is not let to look at for ${expected} to ${user}`, async () => {
    const connection = new FakeConnection();
    Object.assign(connection.server, { user });
    connection.openDirect = () =>
      Promise.reject(
        new ChannelError(
          "channel-refused",
          "no",
          "administratively-prohibited",
        ),
      );
    const bind = { hostname: "127.0.0.1", port: 80 };
    const denied = new ForwardDeniedError(bind, "no");
    const { signal } = new AbortController();
    assertEquals(
      await whyDenied(connection, bind, denied, signal),
      expected,
    );
  });
}

Deno.test("whyRefused() asks nothing of a tunnel service, which forbids it", async () => {
  const connection = new FakeConnection("Go");
  const bind = { hostname: "127.0.0.1", port: 80 };
  const denied = new ForwardDeniedError(bind, "no");
  const { signal } = new AbortController();
  const why = await whyDenied(connection, bind, denied, signal);
  assertEquals(why, "unknown");
  assertEquals(connection.requested, []);
});

Deno.test("refusalError() gives the one reason that was found out", () => {
  const hostname = "127.0.0.1";
  const messageOf = (port: number, why: DenialReason, serverSays?: string) => {
    const bind = { hostname, port };
    const denied = new ForwardDeniedError(bind, "this or that", { serverSays });
    const error = denialError(bind, why, denied);
    assertEquals([error.bind, error.serverSays], [bind, serverSays]);
    return error.message;
  };
  assertEquals(
    messageOf(8080, "in-use"),
    "127.0.0.1:8080 on the server is in use, perhaps by our own last session",
  );
  assertEquals(
    messageOf(80, "prohibited"),
    "only root may listen on port 80 of the server",
  );
  assertEquals(messageOf(80, "prohibited", "disabled"), "this or that");
  assertEquals(messageOf(8080, "prohibited"), "this or that");
  assertEquals(messageOf(80, "unknown"), "this or that");
});
