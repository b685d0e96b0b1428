/** The session that the command opens on real servers, where it does. */
import { assertEquals, assertMatch } from "../assert.ts";
import { ask, servers, startEcho } from "../forward/rig.ts";
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
  "rforward goes on where the server refuses the session that it asked for, and says so",
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
