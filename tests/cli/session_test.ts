/** The session that the command opens on real servers, where it does. */
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, servers, startEcho } from "../forward/rig.ts";
import { startAsyncsshServer } from "../servers/asyncssh_server.ts";
import { serverTest } from "../servers/availability.ts";
import { startDropbear } from "../servers/dropbear.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments, type SshServer } from "../servers/ssh_server.ts";
import { CommandProcess } from "./command_process.ts";
import { RforwardProcess } from "./rforward_process.ts";

function start(
  server: SshServer,
  port: number,
  options: readonly string[] = [],
  command: readonly string[] = [],
): RforwardProcess {
  const forward = ["-R", `127.0.0.1:0:127.0.0.1:${port}`];
  return new RforwardProcess({
    args: [...options, ...forward, ...sshArguments(server), ...command],
  });
}

for (const kind of servers) {
  const startServer = kind === "sshd" ? startSshd : startDropbear;

  serverTest(
    kind,
    `rforward opens a session on ${kind} only where that is asked for`,
    async (t) => {
      await using server = await startServer();
      await using echo = startEcho("echo");

      for (const options of [[], ["--session", "never"], ["-N"]]) {
        await t.step(`not with ${options.join(" ") || "auto"}`, async () => {
          await using rforward = start(server, echo.port, options);
          assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
          rforward.signal("SIGTERM");
          assertEquals((await rforward.status).code, 0);
          assertEquals(rforward.all("session-ended"), []);
          assertEquals(rforward.all("session-output"), []);
        });
      }

      await t.step("always: a shell, which waits", async () => {
        await using rforward = start(server, echo.port, [
          ...["--session", "always"],
        ]);
        assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
        assertEquals(rforward.all("session-ended"), []);
        rforward.signal("SIGTERM");
        assertEquals((await rforward.status).code, 0);
      });

      await t.step("a command, whose end is not the tunnel's", async () => {
        await using rforward = start(server, echo.port, [], [
          ...[
            "printf",
            "'one\\n\\033[31mtwo\\033[0m\\a'; echo err >&2; exit 3",
          ],
        ]);
        const port = await rforward.up();
        const [ended] = await rforward.some("session-ended");
        assertEquals(ended?.code, 3);
        const output = (from: "stdout" | "stderr") =>
          rforward.all("session-output")
            .flatMap(({ stream, text }) => stream === from ? [text] : []);
        assertEquals(output("stdout"), ["one", "two"]);
        assertEquals(output("stderr"), ["err"]);
        assertEquals(await ask(port, "hi"), "echo: hi");
        assertEquals(rforward.all("lost"), []);
      });
    },
  );
}

serverTest(
  "sshd",
  "rforward shows what the server writes on the session again after a reconnect",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using rforward = start(
      sshd,
      echo.port,
      ["--max-wait", "0.2"],
      ["echo", "at", "https://demo.example;", "cat"],
    );
    await rforward.some("session-output");
    await rforward.up();
    sshd.killSessions("SIGKILL");
    await rforward.next("lost");
    await rforward.up();
    const output = await rforward.some("session-output", 2);
    assertEquals(output.map(({ text }) => text), [
      "at https://demo.example",
      "at https://demo.example",
    ]);
  },
);

serverTest(
  "sshd",
  "rforward keeps its tunnels if the server refuses its session, and logs that",
  async () => {
    await using sshd = await startSshd({ config: ["MaxSessions 0"] });
    await using echo = startEcho("echo");
    await using rforward = start(sshd, echo.port, ["--session", "always"]);
    assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
    const [ended] = await rforward.some("session-ended");
    assertMatch(ended?.error?.message ?? "", /server refused a session/);
  },
);

serverTest(
  "sshd",
  "rforward marks what the server writes as the server's, also with -q",
  async () => {
    await using sshd = await startSshd();
    for (const options of [[], ["-q"]]) {
      await using rforward = new CommandProcess({
        args: [
          ...options,
          ...["-R", "127.0.0.1:0:127.0.0.1:1", ...sshArguments(sshd)],
          ...[
            "printf",
            "'\\033[2J\\033]0;x\\a  https://demo.example\\r\\n'; cat",
          ],
        ],
      });
      await rforward.see(/^server: {3}https:\/\/demo\.example\n/m);
      assertEquals(rforward.stdout, "");
    }
  },
);

serverTest(
  "asyncssh",
  "rforward opens a session on a server of asyncssh by itself, and needs none there",
  async (t) => {
    await using server = await startAsyncsshServer();
    await using echo = startEcho("echo");
    await t.step("a shell that waits", async () => {
      await using rforward = start(server, echo.port);
      assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
      assertMatch(await server.log(), /Shell|shell/);
      assertEquals(rforward.all("session-ended"), []);
      assertEquals(rforward.all("verified").at(-1)?.verdict, "verified");
    });
    await t.step("a command", async () => {
      await using rforward = start(server, echo.port, [], ["echo", "out"]);
      const [{ text } = {}] = await rforward.some("session-output");
      assertEquals(text, "out");
      assertEquals((await rforward.some("session-ended"))[0]?.code, 0);
      assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
    });
  },
);

Deno.test("rforward forwards on while a server floods the session, and cuts what it writes", async () => {
  const flood = new TextEncoder().encode(
    "\x1b[2Jbuy \x07\n".repeat(1000) + "x".repeat(20_000),
  );
  const { privateKey, publicKey } = await generateKeyPair();
  await using server = await startTestServer({
    authorizedKeys: publicKey,
    shell: async ({ stdout, signal }) => {
      const writer = stdout.getWriter();
      while (!signal.aborted) await writer.write(flood);
      return 0;
    },
  });
  await using echo = startEcho("echo");
  const dir = await Deno.makeTempDir();
  try {
    const [knownHosts, key] = [`${dir}/known_hosts`, `${dir}/key`];
    await Deno.writeTextFile(knownHosts, server.knownHosts);
    await Deno.writeTextFile(key, privateKey, { mode: 0o600 });
    await using rforward = new RforwardProcess({
      args: [
        ...["-F", "none", "-o", `UserKnownHostsFile=${knownHosts}`],
        ...["-i", key],
        ...["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`, "-p", `${server.port}`],
        `${server.user}@${server.hostname}`,
      ],
    });
    const port = await rforward.up();
    await rforward.some("session-output", 100);
    for (let i = 0; i < 20; i++) {
      assertEquals(await ask(port, `${i}`), `echo: ${i}`);
    }
    const output = rforward.all("session-output");
    assert(output.length < 2000, `${output.length} lines`);
    for (const { text } of output) {
      assert(text.length <= 2001 && !/\p{Cc}/u.test(text), text);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
