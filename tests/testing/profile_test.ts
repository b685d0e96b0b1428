/** Test servers that behave like tunnel services, with OpenSSH's `ssh` as the client. */
import { ArgumentError, ChannelError, connect } from "../../mod.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { startProcess } from "../bench/bench_process.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { loginOptions } from "../servers/login_options.ts";
import { setUp } from "./open_ssh.ts";

for (
  const [profile, port, command] of [
    ["sish", 80, []],
    ["sish", 80, ["type=tcp"]],
    ["srvus", 1, []],
  ] as const
) {
  serverTest(
    "ssh",
    `ssh -R ${port} ${
      command.join(" ")
    } learns from ${profile} where visitors come in`,
    async () => {
      await using setting = await setUp({ profile });
      await using echo = startEcho("echo");
      await using ssh = await startProcess(
        "ssh",
        [
          ...["-T", "-R", `${port}:127.0.0.1:${echo.port}`],
          ...[...setting.args, ...command],
        ],
        /http:\/\/127\.0\.0\.1:(\d+)/,
      );
      assertEquals(await ask(ssh.port, "hi"), "echo: hi");
      assertEquals(setting.server.forwards, [{ hostname: "localhost", port }]);
    },
  );
}

Deno.test("a test server behaves like serveo, which accepts every login", async () => {
  await using server = await startTestServer({ profile: "serveo" });
  const { password: _, ...options } = loginOptions(server);
  await using connection = await connect({
    ...options,
    keyboardInteractive: ({ prompts }) => {
      assertEquals(prompts, []);
      return [];
    },
  });
  assertEquals(connection.server.software, "Go");
  const error = await assertRejects(
    () => connection.openDirect("127.0.0.1", 80),
    ChannelError,
  );
  assertEquals(error.reason, "administratively-prohibited");
});

Deno.test("a test server behaves like sish, which ends the connection on which one to itself is opened", async () => {
  await using server = await startTestServer({ profile: "sish" });
  await using connection = await connect(loginOptions(server));
  const opening = connection.openDirect("127.0.0.1", 80).catch(() => {});
  assertEquals((await connection.closed).reason, "lost");
  await opening;
});

Deno.test("a test server behaves like srv.us, which listens only once there is a session", async () => {
  await using server = await startTestServer({ profile: "srvus" });
  await using connection = await connect(loginOptions(server));
  const bound = connection.requestForward({ hostname: "", port: 1 });
  const refused = await assertRejects(
    () => connection.exec("http"),
    ChannelError,
  );
  assertEquals(refused.code, "channel-refused");
  assertEquals(server.forwards, []);
  await using shell = await connection.shell();
  await bound;
  assertEquals(server.forwards, [{ hostname: "", port: 1 }]);
  const { value } = await shell.stdout.getReader().read();
  assertEquals(/^1: http:/.test(new TextDecoder().decode(value)), true);
});

Deno.test("a test server ends a connection that has no session in time", async () => {
  await using server = await startTestServer({
    shell: () => Promise.resolve(0),
    sessionWithinMs: 30,
  });
  await using idle = await connect(loginOptions(server));
  await using busy = await connect(loginOptions(server));
  await using _ = await busy.shell();
  assertEquals((await idle.closed).reason, "lost");
  assertEquals(busy.signal.aborted, false);
});

Deno.test("a test server runs shells", async () => {
  await using server = await startTestServer({
    shell: async ({ stdin, stdout }) => {
      await stdin.pipeTo(stdout);
      return 5;
    },
  });
  await using connection = await connect(loginOptions(server));
  await using shell = await connection.shell();
  const writer = shell.stdin.getWriter();
  await writer.write(new TextEncoder().encode("hi"));
  writer.releaseLock();
  const { stdout, code } = await shell.output();
  assertEquals([new TextDecoder().decode(stdout), code], ["hi", 5]);
  await assertRejects(() => connection.exec("true"), ChannelError);
});

Deno.test("startTestServer() takes a profile that there is, and nothing that it serves itself", async () => {
  const start = async (options: object) =>
    (await assertRejects(() => startTestServer(options), ArgumentError))
      .argument;
  assertEquals(await start({ profile: "ngrok" }), "profile");
  assertEquals(await start({ profile: "toString" }), "profile");
  const run = () => Promise.resolve(0);
  assertEquals(await start({ profile: "sish", exec: run }), "exec");
  assertEquals(await start({ profile: "sish", shell: run }), "shell");
  assertEquals(await start({ sessionWithinMs: -1 }), "sessionWithinMs");
});
