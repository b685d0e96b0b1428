import { ConnectionLostError, TargetError } from "../../../../mod.ts";
import {
  EventLog,
  type EventLogOptions,
  timestamp,
} from "../../../../src/cli/report/lines/event_log.ts";
import { assertEquals, assertMatch } from "../../../assert.ts";
import { FakeClock } from "../fake_clock.ts";
import { connectionOf, Paper } from "../scene.ts";

/** What is left on paper of messages of all levels. */
async function levelsAt(options: EventLogOptions): Promise<string[]> {
  const paper = new Paper();
  await using log = new EventLog(paper, options);
  for (const level of ["debug", "info", "warn", "error"] as const) {
    log.message(level, level);
  }
  return paper.lines;
}

Deno.test("eventLog.message() logs as much as the verbosity says", async () => {
  assertEquals(await levelsAt({ verbosity: -1 }), ["error"]);
  assertEquals(await levelsAt({}), ["info", "warn", "error"]);
  const all = ["debug", "info", "warn", "error"];
  assertEquals(await levelsAt({ verbosity: 1 }), all);
});

Deno.test("eventLog.message() keeps line breaks and nothing else that terminals act on", async () => {
  const paper = new Paper();
  await using log = new EventLog(paper);
  log.message("info", "größe\x1b[31m\n\u202eb\r");
  assertEquals(paper.lines, ["größe [31m", " b "]);
});

Deno.test("eventLog puts the time before each line where that is asked for", async () => {
  const paper = new Paper();
  await using log = new EventLog(paper, { prefix: timestamp });
  log.message("info", "a\nb");
  for (const line of paper.lines) {
    assertMatch(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [ab]$/);
  }
});

for (const verbosity of [0, 1]) {
  Deno.test(
    `eventLog.event() logs connections ${verbosity ? "with" : "only with"} -v`,
    async () => {
      const paper = new Paper();
      const clock = new FakeClock();
      await using log = new EventLog(paper, { verbosity, clock });
      const { connection } = connectionOf({ bytesToTarget: 5 });
      log.event({ type: "opened", tunnel: 0, connection });
      log.event({ type: "closed", tunnel: 0, connection, ms: 2000 });
      const name =
        "connection from 192.0.2.1 port 1234 to localhost:8080 → 127.0.0.1:3000";
      assertEquals(
        paper.lines,
        verbosity
          ? [
            `${name} opened`,
            `${name} closed after 2 s, 5B to the target, 0B to the server`,
          ]
          : [],
      );
    },
  );
}

Deno.test("eventLog folds what a target does to each visitor, and counts it in the end", async () => {
  const paper = new Paper();
  {
    await using log = new EventLog(paper, { clock: new FakeClock() });
    for (const port of [1, 2, 3]) {
      log.event({
        type: "target-error",
        tunnel: 0,
        error: new TargetError("target-failed", "t:1", "t:1 is down"),
        failed: 1,
        originator: { address: "192.0.2.1", port },
      });
    }
  }
  assertEquals(paper.lines, [
    "connection from 192.0.2.1 port 1 refused: t:1 is down",
    "connection from 192.0.2.1 port 3 refused: t:1 is down (repeated 2 times)",
  ]);
});

Deno.test("eventLog folds a warning that comes with each attempt, and lets it fold the others", async () => {
  const paper = new Paper();
  {
    await using log = new EventLog(paper, { clock: new FakeClock() });
    const error = new ConnectionLostError("the server is gone");
    for (let attempt = 1; attempt <= 3; attempt++) {
      log.message("warn", "no such key");
      log.event({ type: "waiting", error, ms: 1000, until: new Date() });
    }
    log.message("info", "read again");
    log.message("warn", "no such key");
  }
  assertEquals(paper.lines, [
    "no such key",
    "the server is gone; next try in 1 s",
    "no such key (repeated 2 times)",
    "the server is gone; next try in 1 s (repeated 2 times)",
    "read again",
    "no such key",
  ]);
});

Deno.test("eventLog ignores failed writes", async () => {
  await using log = new EventLog({
    writeSync() {
      throw new Deno.errors.BrokenPipe();
    },
  });
  log.message("info", "lost");
});

Deno.test("eventLog.event() writes what comes on the session, each time, and with -q", async () => {
  for (const verbosity of [-1, 0]) {
    const paper = new Paper();
    await using log = new EventLog(paper, { verbosity });
    for (let i = 0; i < 2; i++) {
      log.event({ type: "session-output", stream: "stdout", text: "GET /" });
    }
    assertEquals(paper.lines, ["server: GET /", "server: GET /"]);
  }
});

Deno.test("eventLog folds a warning that comes again although the server writes meanwhile", async () => {
  const paper = new Paper();
  await using log = new EventLog(paper);
  for (let i = 0; i < 3; i++) {
    log.message("warn", "the target is silent");
    log.event({ type: "session-output", stream: "stdout", text: `GET /${i}` });
  }
  assertEquals(paper.lines, [
    "the target is silent",
    "server: GET /0",
    "server: GET /1",
    "server: GET /2",
  ]);
});
