import {
  ChannelError,
  ConnectionLostError,
  type SupervisorEvent,
  TargetError,
} from "../../../../mod.ts";
import { JsonLog } from "../../../../src/cli/report/json/json_log.ts";
import { assert, assertEquals } from "../../../assert.ts";
import { negotiated } from "../../../negotiated.ts";
import { FakeClock } from "../fake_clock.ts";
import { connectionOf, Paper, probeOf } from "../scene.ts";

const bind = { hostname: "localhost", port: 8080 };

/** Checks that docs/command.md has the fields of all events. */
async function assertDocumented(lines: readonly string[]): Promise<void> {
  const page = await Deno.readTextFile(
    new URL("../../../../docs/command.md", import.meta.url),
  );
  const [, section = ""] = page.split("\n## Events for programs\n");
  for (const line of lines) {
    const { type, time: _, ...fields } = JSON.parse(line);
    const row = section.split("\n").find((row) =>
      row.startsWith(`| \`${type}\` `)
    );
    for (const field of Object.keys(fields)) {
      assert(row?.includes(`\`${field}\``), `${type}: ${field}`);
    }
  }
}

Deno.test("jsonLog.event() writes each event as a line", async () => {
  const paper = new Paper();
  const clock = new FakeClock();
  await using log = new JsonLog(paper, { clock });
  const time = new Date(clock.now()).toISOString();
  const until = new Date(clock.now() + 1000);
  const error = new ConnectionLostError("gone");
  const json = { code: "connection-lost", message: "gone" };
  const bound = { address: "localhost", port: 8080, text: "localhost:8080" };
  log.event({ type: "connecting", attempt: 2 });
  log.event({
    type: "connected",
    server: {
      hostname: "h",
      port: 22,
      user: "u",
      software: "s",
      hostKeyFingerprint: "SHA256:x",
      cipher: { toServer: "c", toClient: "c" },
      negotiated,
    },
  });
  log.event({ type: "lost", error });
  log.event({ type: "waiting", error, ms: 1000, until });
  log.event({
    type: "bound",
    tunnel: 0,
    asked: bind,
    bound: { path: "/x" },
    target: "t:1",
    checking: true,
  });
  log.event({
    type: "verified",
    tunnel: 0,
    bound: bind,
    probe: probeOf({
      addresses: [{ address: "::1", answer: "ours" }],
      reach: "network",
      warning: "open to all",
    }),
  });
  log.event({
    type: "denied",
    tunnel: 1,
    asked: bind,
    reason: "in-use",
    error,
    ms: 5,
  });
  log.event({
    type: "target-error",
    tunnel: 0,
    error: new TargetError("target-timeout", "t:1", "silent"),
    originator: { address: "192.0.2.1", port: 1 },
    failed: 3,
  });
  log.event({
    type: "refused",
    tunnel: 0,
    refusal: {
      rule: "maxRate",
      reason: "resource-shortage",
      bind,
      originator: { address: "192.0.2.1\x1b", port: 1 },
    },
    count: 2,
    refused: 9,
  });
  log.event({ type: "slept", ms: 7 });
  log.event({ type: "stopped", error });
  log.event({ type: "state", state: "stopped" });
  log.message("warn", "w");
  assertEquals(paper.lines.map((line) => JSON.parse(line)), [
    { type: "connecting", time, attempt: 2 },
    {
      type: "connected",
      time,
      server: {
        host: "h",
        port: 22,
        user: "u",
        software: "s",
        hostKeyFingerprint: "SHA256:x",
        negotiated,
      },
    },
    { type: "lost", time, error: json },
    {
      type: "waiting",
      time,
      error: json,
      ms: 1000,
      until: until.toISOString(),
    },
    {
      type: "bound",
      time,
      tunnel: 0,
      asked: bound,
      bound: { text: "/x", path: "/x" },
      target: "t:1",
      checking: true,
    },
    {
      type: "verified",
      time,
      tunnel: 0,
      bound,
      verdict: "verified",
      addresses: [{ address: "::1", answer: "ours" }],
      reach: "network",
      askedReach: "server-only",
      warning: "open to all",
      ms: 12,
    },
    {
      type: "denied",
      time,
      tunnel: 1,
      asked: bound,
      reason: "in-use",
      error: json,
      ms: 5,
    },
    {
      type: "target-error",
      time,
      tunnel: 0,
      originator: { address: "192.0.2.1", port: 1 },
      target: "t:1",
      error: { code: "target-timeout", message: "silent" },
      failed: 3,
    },
    {
      type: "refused",
      time,
      tunnel: 0,
      rule: "maxRate",
      reason: "resource-shortage",
      originator: { address: "192.0.2.1", port: 1 },
      count: 2,
      refused: 9,
    },
    { type: "slept", time, ms: 7 },
    { type: "stopped", time, error: json },
    { type: "state", time, state: "stopped" },
    { type: "message", time, level: "warn", text: "w" },
  ]);
  await assertDocumented(paper.lines);
});

Deno.test("jsonLog.event() writes when a connection opens and when it closes", async () => {
  const paper = new Paper();
  await using log = new JsonLog(paper);
  const { connection } = connectionOf({ bytesToTarget: 3, bytesToServer: 4 });
  log.event({ type: "opened", tunnel: 2, connection });
  log.event({ type: "closed", tunnel: 2, connection, ms: 1499.6 });
  const same = {
    tunnel: 2,
    id: 1,
    originator: { address: "192.0.2.1", port: 1234 },
    target: "127.0.0.1:3000",
  };
  const events = paper.lines.map((line) => {
    const { time: _, ...event } = JSON.parse(line);
    return event;
  });
  assertEquals(events, [
    { type: "opened", ...same },
    { type: "closed", ...same, bytesToTarget: 3, bytesToServer: 4, ms: 1500 },
  ]);
  await assertDocumented(paper.lines);
});

Deno.test("jsonLog escapes control characters", async () => {
  const paper = new Paper();
  await using log = new JsonLog(paper);
  const text = "\x1b\x9b\u202e\u2028😀\u{e0001}";
  log.message("info", text);
  assertEquals(paper.lines.length, 1);
  assert(!/[\p{C}\p{Zl}]/u.test(paper.lines[0]!));
  assertEquals(JSON.parse(paper.lines[0]!).text, text);
});

Deno.test("jsonLog.event() writes what comes on the session", async () => {
  const paper = new Paper();
  const clock = new FakeClock();
  await using log = new JsonLog(paper, { clock });
  const time = new Date(clock.now()).toISOString();
  const text = "https://demo.example";
  const ended = (code?: number, signal?: string): SupervisorEvent => ({
    type: "session-ended",
    status: { code, signal, success: code === 0 },
  });
  log.event({ type: "session-output", stream: "stderr", text });
  log.event(ended(3));
  log.event(ended(undefined, "SIGTERM"));
  const error = new ChannelError("channel-refused", "no shells here");
  log.event({ type: "session-ended", error });
  const type = "session-ended";
  assertEquals(paper.lines.map((line) => JSON.parse(line)), [
    { type: "session-output", time, stream: "stderr", text },
    { type, time, code: 3 },
    { type, time, signal: "SIGTERM" },
    { type, time, error: { code: error.code, message: error.message } },
  ]);
  await assertDocumented(paper.lines);
});
