import type { SupervisorSnapshot } from "../../../../mod.ts";
import { ConnectionLostError } from "../../../../mod.ts";
import {
  LiveView,
  type LiveViewOptions,
} from "../../../../src/cli/report/live/live_view.ts";
import { assert, assertEquals } from "../../../assert.ts";
import { TerminalProcess } from "../../../servers/terminal.ts";
import { within } from "../../../within.ts";
import { FakeClock } from "../fake_clock.ts";
import { connectionOf, settle, snapshotOf, tunnelOf } from "../scene.ts";
import { Screen } from "./screen.ts";

const up = "server.example: up since 14:00:00";
const idle = " up ✓ localhost:8080 → 127.0.0.1:3000  no connections yet";

/** A view on a screen, with a snapshot that the test changes. */
class Rig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly screen: Screen;
  readonly view: LiveView;
  snapshot: SupervisorSnapshot | undefined = snapshotOf();

  constructor(
    { columns = 80, rows = 10, ...options }:
      & { columns?: number; rows?: number }
      & Partial<LiveViewOptions> = {},
  ) {
    this.screen = new Screen(columns, rows);
    this.view = new LiveView(() => this.snapshot, this.screen, {
      destination: "server.example",
      size: () => this.screen.size,
      color: false,
      clock: this.clock,
      ...options,
    });
  }

  /** Something happened; the view may draw. */
  draw(): void {
    this.view.event({ type: "state", state: "up" });
    this.clock.pass(250);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.view[Symbol.asyncDispose]();
  }
}

Deno.test("liveView is drawn in place and never scrolls by itself", async () => {
  await using rig = new Rig({ rows: 4 });
  rig.draw();
  assertEquals(rig.screen.lines, [up, idle]);
  for (let reconnects = 1; reconnects < 20; reconnects++) {
    rig.snapshot = snapshotOf({ reconnects });
    rig.draw();
  }
  assertEquals(rig.screen.lines, [`${up}, 19 reconnects`, idle]);
  assertEquals(rig.screen.scrolledOff, []);
});

Deno.test("liveView leaves nothing of longer and more lines behind", async () => {
  await using rig = new Rig();
  rig.snapshot = snapshotOf({
    reconnects: 9,
    tunnels: [tunnelOf(), tunnelOf()],
  });
  rig.draw();
  rig.snapshot = snapshotOf();
  rig.draw();
  assertEquals(rig.screen.lines, [up, idle]);
});

Deno.test("liveView lets messages scroll above it", async () => {
  await using rig = new Rig({ rows: 4 });
  rig.draw();
  for (const text of ["one", "two", "three"]) rig.view.message("warn", text);
  rig.view.event({ type: "lost", error: new ConnectionLostError("gone") });
  assertEquals(rig.screen.scrolledOff, [
    "14:02:11 one",
    "14:02:11 two",
  ]);
  assertEquals(rig.screen.lines, [
    "14:02:11 three",
    "14:02:11 connection lost: gone",
    up,
    idle,
  ]);
});

Deno.test("liveView with -v also logs what it shows", async () => {
  for (const verbosity of [0, 1]) {
    await using rig = new Rig({ verbosity });
    rig.view.event({ type: "connecting", attempt: 1 });
    assertEquals(
      rig.screen.lines,
      verbosity ? ["14:02:11 connecting"] : [],
    );
  }
});

Deno.test("liveView draws at most four times a second", async () => {
  await using rig = new Rig();
  for (let i = 0; i < 1000; i++) {
    rig.snapshot = snapshotOf({ reconnects: i });
    rig.view.event({ type: "state", state: "up" });
    rig.clock.pass(10);
  }
  assert(rig.screen.writes <= 41, `${rig.screen.writes}`);
  assert(rig.screen.writes >= 39, `${rig.screen.writes}`);
});

Deno.test("liveView is at rest while nothing runs", async () => {
  await using rig = new Rig();
  rig.draw();
  assertEquals(rig.clock.pending, 0);
  rig.draw();
  assertEquals(rig.screen.writes, 1);
});

Deno.test("liveView shows rates while there is traffic, and rests after it", async () => {
  await using rig = new Rig();
  let bytesToTarget = 0;
  const busy = (live: number) => {
    const tunnel = tunnelOf({ live, total: 1, bytesToTarget });
    rig.snapshot = snapshotOf({ tunnels: [tunnel] });
  };
  const { connection } = connectionOf();
  busy(1);
  rig.view.event({ type: "opened", tunnel: 0, connection });
  for (; bytesToTarget < 4_000_000; bytesToTarget += 250_000) {
    busy(1);
    rig.clock.pass(250);
  }
  assertEquals(
    rig.screen.lines[1],
    " up ✓ localhost:8080 → 127.0.0.1:3000  1/1 ↓3.8MB 1.0MB/s ↑   0B",
  );
  busy(0);
  rig.view.event({ type: "closed", tunnel: 0, connection, ms: 1 });
  rig.clock.pass(5000);
  assertEquals(
    rig.screen.lines[1],
    " up ✓ localhost:8080 → 127.0.0.1:3000  0/1 ↓4.0MB         ↑   0B",
  );
  assertEquals(rig.clock.pending, 0);
});

Deno.test("liveView goes on being drawn when the clock is set back", async () => {
  await using rig = new Rig();
  rig.draw();
  rig.clock.set(-3_600_000);
  rig.snapshot = snapshotOf({ reconnects: 1 });
  rig.draw();
  assertEquals(rig.screen.lines, [`${up}, 1 reconnect`, idle]);
});

Deno.test("liveView counts down to the next try", async () => {
  await using rig = new Rig();
  const until = new Date(rig.clock.now() + 3000);
  const error = new ConnectionLostError("gone");
  rig.snapshot = snapshotOf({ state: "waiting", until, error, tunnels: [] });
  rig.view.event({ type: "state", state: "waiting" });
  const seen = [];
  for (let i = 0; i < 4; i++) {
    rig.clock.pass(i === 0 ? 0 : 1000);
    seen.push(rig.screen.lines[0]!.split(", ")[1]);
  }
  assertEquals(seen, [
    "next try in 3 s",
    "next try in 2 s",
    "next try in 1 s",
    "trying",
  ]);
});

Deno.test({
  name: "liveView is redrawn when the terminal is resized",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using rig = new Rig();
    rig.draw();
    rig.screen.columns = 40;
    Deno.kill(Deno.pid, "SIGWINCH");
    await until("a drawing", () => rig.clock.pending > 0);
    rig.clock.pass(250);
    assertEquals(rig.screen.lines, [
      up,
      "localhost:8080 → 127.0.0.1:3000",
      " up ✓ no connections yet",
    ]);
  },
});

Deno.test("liveView.pause() clears the screen, and holds back reports", async () => {
  await using rig = new Rig();
  rig.draw();
  {
    using _pause = rig.view.pause();
    assertEquals(rig.screen.lines, []);
    assert(rig.screen.cursor.visible);
    rig.view.message("warn", "later");
    rig.draw();
    assertEquals(rig.screen.lines, []);
  }
  rig.clock.pass(250);
  assertEquals(rig.screen.lines, ["14:02:11 later", up, idle]);
  assert(!rig.screen.cursor.visible);
});

Deno.test("liveView leaves a summary on the screen and the cursor below it", async () => {
  const rig = new Rig({ rows: 3 });
  rig.draw();
  rig.snapshot = snapshotOf({ state: "stopped" });
  rig.clock.pass(60_000);
  await rig.view[Symbol.asyncDispose]();
  await rig.view[Symbol.asyncDispose]();
  rig.view.message("warn", "too late");
  assertEquals(rig.screen.lines, [
    "server.example: stopped after 1 min",
    " localhost:8080 → 127.0.0.1:3000  no connections",
  ]);
  assertEquals(rig.screen.cursor, { row: 2, column: 0, visible: true });
  assertEquals(rig.clock.pending, 0);
});

Deno.test("liveView has colours only where they are wanted", async () => {
  for (const color of [true, false]) {
    await using rig = new Rig({ color });
    rig.draw();
    assertEquals(rig.screen.raw.includes("\x1b[32mup\x1b[39m"), color);
    assertEquals(rig.screen.lines, [up, idle]);
  }
});

Deno.test("liveView does nothing to a terminal before there is anything to show", async () => {
  await using rig = new Rig();
  rig.snapshot = undefined;
  rig.draw();
  assertEquals(rig.screen.raw, "");
});

Deno.test("liveView ignores a terminal that has hung up", async () => {
  await using rig = new Rig();
  rig.screen.writeSync = () => {
    throw new Deno.errors.BrokenPipe("EIO");
  };
  rig.draw();
  rig.view.message("warn", "lost");
});

/** Shows the view in a terminal of its own. */
function show(
  how: string,
  permissions: string[] = [],
): Promise<TerminalProcess> {
  return TerminalProcess.start({
    program: Deno.execPath(),
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check", ...permissions],
      new URL("show_view.ts", import.meta.url).pathname,
      how,
    ],
    columns: 60,
  });
}

const SHOWN = "\x1b[?25h";
const HIDDEN = "\x1b[?25l";

for (
  const [how, signal, code] of [
    ["end", "SIGUSR2", 0],
    ["exit", "SIGUSR2", 7],
    ["throw", "SIGUSR2", 1],
    ["reject", "SIGUSR2", 1],
    ["quit", "SIGQUIT", 131],
  ] as const
) {
  Deno.test({
    name: `liveView leaves the terminal in order at its process's end (${how})`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using terminal = await show(how);
      await terminal.see("begun");
      await terminal.see("no connections yet");
      assert(terminal.output.includes(HIDDEN));
      assert(!terminal.output.includes(SHOWN));
      terminal.kill(signal);
      assertEquals(await terminal.exitCode(), code);
      const { output } = terminal;
      assert(output.lastIndexOf(SHOWN) > output.lastIndexOf(HIDDEN));
    },
  });
}

Deno.test({
  name: "liveView gives the terminal back while its process is stopped",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using terminal = await show("end", ["--allow-run"]);
    await terminal.see("no connections yet");
    await terminal.type("\x1a");
    await until("the cursor", () => terminal.output.endsWith(SHOWN));
    // It shows the cursor first; a SIGCONT in between would be lost.
    await until("it is stopped", () => isStopped(terminal.pid));
    await terminal.see("no connections yet"); // as it was left there
    terminal.kill("SIGCONT");
    await terminal.see("no connections yet");
    terminal.kill("SIGUSR2");
    await terminal.see("no connections\n");
    assertEquals(await terminal.exitCode(), 0);
  },
});

function isStopped(pid: number): boolean {
  return /^State:\s+T/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
}

/** Waits until something is so. */
function until(what: string, condition: () => boolean): Promise<void> {
  const look = async () => {
    while (!condition()) await settle();
  };
  return within(20_000, what, look());
}
