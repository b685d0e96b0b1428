import type { SshConnection } from "../../../src/ssh/connection.ts";
import type { ReadySession } from "../../../src/x2go/server/session_info.ts";
import {
  type SessionAccess,
  SessionShare,
} from "../../../src/x2go/session/session_share.ts";
import { Shares } from "../../../src/x2go/session/shares.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

/** Nothing of it is looked at. */
const ACCESS: SessionAccess = {
  connection: {} as SshConnection,
  session: {} as ReadySession,
};

/** Records its calls. */
class Recorder extends SessionShare {
  readonly calls: string[] = [];
  readonly environment: Record<string, string>;
  failure: Error | undefined;
  opening: Promise<void> | undefined;
  readonly begun = Promise.withResolvers<void>();

  constructor(environment: Record<string, string> = {}) {
    super();
    this.environment = environment;
  }

  protected override async open(): Promise<void> {
    this.calls.push("open");
    this.begun.resolve();
    await this.opening;
    this.calls.push("opened");
    if (this.failure) throw this.failure;
  }

  protected override close(): Promise<void> {
    this.calls.push("close");
    return Promise.resolve();
  }
}

Deno.test("share.resume() opens what is not open", async () => {
  const share = new Recorder();

  await share.resume(ACCESS);
  await share.resume(ACCESS);
  assertEquals(share.calls, ["open", "opened"]);
  await share.pause();
  await share.resume(ACCESS);

  assertEquals(share.calls, ["open", "opened", "close", "open", "opened"]);
});

Deno.test("share.resume() closes what could not be opened", async () => {
  const share = new Recorder();
  share.failure = new Error("no");

  const error = await assertRejects(() => share.resume(ACCESS), Error);

  assertEquals(error, share.failure);
  assertEquals(share.calls.at(-1), "close");
  share.failure = undefined;
  await share.resume(ACCESS);
  assertEquals(share.calls.at(-1), "opened");
});

Deno.test("share.stop() waits for a resume, and is the end", async () => {
  const share = new Recorder();
  const opening = Promise.withResolvers<void>();
  share.opening = opening.promise;

  const resumed = share.resume(ACCESS);
  await share.begun.promise;
  const stopped = share.stop();
  const late = share.resume(ACCESS);
  opening.resolve();
  await Promise.all([resumed, stopped, late, share.stopped]);

  assertEquals(share.calls, ["open", "opened", "close"]);
});

Deno.test("shares.begin() keeps a share until it is stopped", async () => {
  const shares = new Shares();
  const share = new Recorder({ A: "1" });

  assertEquals(await shares.begin(share, ACCESS), share);
  await shares.begin(new Recorder({ B: "2" }), ACCESS);
  assertEquals(shares.environment, { A: "1", B: "2" });

  await share.stop();
  assertEquals(shares.environment, { B: "2" });
});

Deno.test("shares.begin() does not keep a share that failed", async () => {
  const shares = new Shares();
  const share = new Recorder();
  share.failure = new Error("no");

  await assertRejects(() => shares.begin(share, ACCESS), Error);

  assertEquals(shares.size, 0);
});

Deno.test("shares.resume() resumes the others if one fails", async () => {
  const shares = new Shares();
  const [bad, good] = [new Recorder(), new Recorder()];
  await shares.begin(bad, ACCESS);
  await shares.begin(good, ACCESS);
  await shares.pause();
  bad.failure = new Error("no");

  const error = await assertRejects(() => shares.resume(ACCESS), Error);

  assertEquals(error, bad.failure);
  assertEquals(good.calls.at(-1), "opened");
  assertEquals(shares.size, 2);
});

Deno.test("shares.resume() reports everything that failed", async () => {
  const shares = new Shares();
  const bad = ["no sound", "no folder"].map((message) => {
    const share = new Recorder();
    share.failure = new Error(message);
    return share;
  });
  for (const share of bad) shares.add(share);

  const error = await assertRejects(
    () => shares.resume(ACCESS),
    AggregateError,
  );

  assertEquals(error.message, "no sound; no folder");
  assertEquals(error.errors, bad.map(({ failure }) => failure));
});

Deno.test("shares.begin() stops what was begun if the signal aborts meanwhile", async () => {
  const shares = new Shares();
  const share = new Recorder();
  const opening = Promise.withResolvers<void>();
  share.opening = opening.promise;
  const stop = new AbortController();
  const begun = assertRejects(
    () => shares.begin(share, ACCESS, stop.signal),
    Error,
  );
  await share.begun.promise;
  stop.abort(new Error("enough"));
  opening.resolve();
  assertEquals(await begun, stop.signal.reason);
  assertEquals(share.calls, ["open", "opened", "close"]);
  assertEquals(shares.size, 0);
});
