/** The command in a terminal: Ctrl-C, hangups, signals, and terminals that can show little. */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, receiveText, send, startEcho, visit } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { listeningAt } from "../servers/listening.ts";
import { startSshd } from "../servers/openssh.ts";
import type { TerminalProcess } from "../servers/terminal.ts";
import { within } from "../within.ts";
import { eventually } from "./eventually.ts";
import { interrupt, lock, see, start, toSshd } from "./terminal_rig.ts";

for (const [key, code] of [["\x03", 0], ["\x04", 255]] as const) {
  const name = key === "\x03" ? "Ctrl-C" : "Ctrl-D";
  serverTest(
    "sshd",
    `rforward ends at ${name} instead of an answer, and leaves the terminal as it was`,
    async () => {
      await using sshd = await startSshd();
      await lock(sshd);
      await using terminal = await start(toSshd(sshd));
      await terminal.see("Enter passphrase");
      assertEquals(await terminal.echoes(), false);
      await terminal.type(key);
      assertEquals(await terminal.exitCode(), code);
      assert(await terminal.echoes());
      assertLeft(terminal);
    },
  );
}

for (const via of ["directly", "by a ProxyCommand"]) {
  serverTest(
    ["sshd", "bash"],
    `rforward (${via}) waits for live connections at Ctrl-C, and leaves the screen tidy`,
    async () => {
      await using sshd = await startSshd();
      await using echo = startEcho("echo");
      await using terminal = await start([
        ...["--drain", "1m"],
        ...toSshd(sshd, {
          target: echo.port,
          options: via === "directly" ? [] : [`ProxyCommand=${COPY}`],
        }),
      ]);
      const port = await see(terminal);
      using conn = await visit(port);
      await terminal.see(/ 1\/1 /);
      await terminal.type("\x03");
      await terminal.see("waiting up to 1 min");
      await terminal.see(": stopping since");
      await eventually(
        "the port is released",
        () => listeningAt(port).length === 0,
      );
      await send(conn, "hello");
      await conn.closeWrite();
      assertEquals(await receiveText(conn), "echo: hello");
      assertEquals(await terminal.exitCode(), 0);
      assertLeft(terminal);
    },
  );
}

serverTest(
  "sshd",
  "rforward forwards while Ctrl-S holds the terminal, and shows what happened after Ctrl-Q",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    for (const isReleasedFirst of [true, false]) {
      await using terminal = await start(toSshd(sshd, { target: echo.port }));
      const port = await see(terminal);
      await terminal.type("\x13");
      // Long enough for the view to be drawn more than once.
      for (let i = 0; i < 30; i++) {
        assertEquals(
          await within(10_000, `connection ${i}`, ask(port, "hi")),
          "echo: hi",
        );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      if (isReleasedFirst) {
        await terminal.type("\x11");
        await terminal.see(/ 0\/30 /);
      }
      terminal.kill("SIGTERM");
      await eventually("it has ended", () => !terminal.isAlive);
      await terminal.type("\x11");
      assertEquals(await terminal.exitCode(), 0);
    }
  },
);

/** Stands in for nc, which may not be installed. */
const COPY = "bash -c 'exec 3<>/dev/tcp/$0/$1; cat <&3 & exec cat >&3' %h %p";

for (const name of ["dumb", "unknown", ""]) {
  serverTest(
    "sshd",
    `rforward prints plain lines on a terminal that cannot move its cursor: TERM="${name}"`,
    async () => {
      await using sshd = await startSshd();
      await using terminal = await start(toSshd(sshd), "", { TERM: name });
      await terminal.see(/^Allocated port \d+/m);
      await terminal.see("verified");
      await interrupt(terminal);
      assertEquals(terminal.output.includes("\x1b"), false);
    },
  );
}

serverTest("sshd", "rforward ends at once at a second Ctrl-C", async () => {
  await using sshd = await startSshd();
  await using echo = startEcho("echo");
  await using terminal = await start([
    ...["--drain", "1m"],
    ...toSshd(sshd, { target: echo.port }),
  ]);
  const port = await see(terminal);
  using _conn = await visit(port);
  await terminal.see(/ 1\/1 /);
  await terminal.type("\x03");
  await terminal.see("Ctrl-C again to end at once");
  await interrupt(terminal);
  assertEquals(listeningAt(port), []);
  assertLeft(terminal);
});

serverTest("sshd", "rforward ends when its terminal hangs up", async () => {
  await using sshd = await startSshd();
  await using terminal = await start(toSshd(sshd));
  const port = await see(terminal);
  terminal.hangUp();
  await eventually(
    "the port is released",
    () => listeningAt(port).length === 0,
  );
  await eventually("the process has ended", () => !isAlive(terminal.pid));
});

serverTest(
  "sshd",
  "rforward reads its configuration again at SIGHUP also in a terminal",
  async () => {
    await using sshd = await startSshd();
    await using terminal = await start(toSshd(sshd));
    const port = await see(terminal);
    terminal.kill("SIGHUP");
    await terminal.see("the configuration was read again");
    assertEquals(listeningAt(port), ["127.0.0.1"]);
    await interrupt(terminal);
  },
);

/** Asserts that the cursor is shown, on a new line, and no line is drawn over. */
function assertLeft(terminal: TerminalProcess): void {
  const { output } = terminal;
  assert(output.lastIndexOf("\x1b[?25h") > output.lastIndexOf("\x1b[?25l"));
  assertMatch(terminal.text, /\n$/);
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended.
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
