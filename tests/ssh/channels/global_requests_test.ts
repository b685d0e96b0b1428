import { ConnectionLostError, RForwardError } from "../../../src/errors.ts";
import { GlobalRequests } from "../../../src/ssh/channels/global_requests.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";

function setUp(timeoutMs = 1000) {
  const sent: string[] = [];
  const failed = Promise.withResolvers<ConnectionLostError>();
  const requests = new GlobalRequests(
    timeoutMs,
    failed.resolve,
    () => sent.push("ping"),
  );
  return {
    sent,
    requests,
    failed: failed.promise,
    ask: (name: string) => requests.request(name, () => sent.push(name)),
    ping: () => requests.ping(),
  };
}

/** Lets everything run that waits for nothing. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("GlobalRequests sends one request at a time, and gives each its own reply", async () => {
  const { ask, sent, requests } = setUp();
  const replies = Promise.all(["a", "b", "c"].map(ask));
  for (const [i, success] of [true, false, true].entries()) {
    await settle();
    assertEquals(sent, ["a", "b", "c"].slice(0, i + 1));
    requests.onReply(success, Uint8Array.of(i));
  }
  assertEquals(
    await replies,
    [true, false, true].map((success, i) => ({
      success,
      data: Uint8Array.of(i),
      said: undefined,
    })),
  );
});

Deno.test("GlobalRequests ignores an unexpected reply", async () => {
  const { ask, requests } = setUp();
  requests.onReply(true, new Uint8Array());
  const reply = ask("a");
  await settle();
  requests.onReply(false, new Uint8Array());
  assertEquals((await reply).success, false);
});

Deno.test("GlobalRequests ends the connection when a request is not answered", async () => {
  const { ask, requests, failed } = setUp(20);
  const [first, second] = [ask("tcpip-forward"), ask("b")];

  const error = await failed;

  assertMatch(error.message, /did not answer tcpip-forward within 20 ms/);
  requests.onConnectionEnd(error);
  assertEquals(await assertRejects(() => first, ConnectionLostError), error);
  assertEquals(await assertRejects(() => second, ConnectionLostError), error);
});

Deno.test("GlobalRequests sends nothing once the connection is gone", async () => {
  const { ask, ping, sent, requests } = setUp();
  const error = new RForwardError("connection-closed", "gone");
  requests.onConnectionEnd(error);
  ping();
  assertEquals(await assertRejects(() => ask("a"), RForwardError), error);
  assertEquals(sent, []);
});

Deno.test("GlobalRequests pings only if no reply is awaited", async () => {
  const { ask, ping, sent, requests } = setUp();
  ping();
  ping();
  assertEquals(sent, ["ping"]);
  requests.onReply(false, new Uint8Array());

  const reply = ask("a");
  await settle();
  ping();
  assertEquals(sent, ["ping", "a"]);
  requests.onReply(true, new Uint8Array());
  await reply;
  ping();
  assertEquals(sent, ["ping", "a", "ping"]);
});

Deno.test("GlobalRequests gives a reply what the server said last between request and reply", async () => {
  const { ask, requests } = setUp();
  requests.onDebug("too early");
  const answer = async (...said: string[]) => {
    const reply = ask("a");
    await settle();
    for (const text of said) requests.onDebug(text);
    requests.onReply(false, new Uint8Array());
    return (await reply).said;
  };
  assertEquals(await answer(), undefined);
  assertEquals(await answer("first", "last"), "last");
  assertEquals(await answer(), undefined);
});

Deno.test("GlobalRequests sends a request now that waits for no other, and gives each its own reply", async () => {
  const { ask, requests, sent } = setUp();
  const first = ask("a");
  await settle();
  const now = requests.requestNow("b", () => sent.push("b"), 1000);
  assertEquals(sent, ["a", "b"]);
  requests.onReply(true, new Uint8Array());
  requests.onReply(false, new Uint8Array());
  assertEquals([(await first).success, (await now).success], [true, false]);
});

Deno.test("GlobalRequests ends the connection when a request sent now is not answered in its own time", async () => {
  const { requests, failed } = setUp();
  const asking = assertRejects(
    () => requests.requestNow("b", () => {}, 20),
    ConnectionLostError,
  );
  const error = await failed;
  assertMatch(error.message, /did not answer b within 20 ms/);
  requests.onConnectionEnd(error);
  assertEquals(await asking, error);
});

Deno.test("GlobalRequests holds up no request for a ping, nor takes one's reply for the other's", async () => {
  const { ask, ping, sent, requests } = setUp();
  ping();
  const reply = ask("a");
  await settle();
  assertEquals(sent, ["ping", "a"]);
  requests.onReply(false, new Uint8Array()); // OpenSSH's answer to a ping
  requests.onReply(true, new Uint8Array());
  assertEquals((await reply).success, true);
});

Deno.test("GlobalRequests measures a round trip, and remembers the shortest one", async () => {
  let now = 0;
  using _ = stubNow(() => now);
  const { ask, sent, requests } = setUp();
  assertEquals(requests.roundTripMs, undefined);
  const measuring = requests.measure();
  assertEquals(sent, ["ping"]);
  now += 20;
  requests.onReply(false, new Uint8Array());
  assertEquals(await measuring, 20);

  for (const ms of [5, 30]) {
    const asking = ask("tcpip-forward");
    await settle();
    now += ms;
    requests.onReply(true, new Uint8Array());
    await asking;
    assertEquals(requests.roundTripMs, 5);
  }
});

Deno.test("GlobalRequests samples the path until it has proved short, a few times in a row", async () => {
  let now = 0;
  using _ = stubNow(() => now);
  const { sent, requests } = setUp();
  const answer = async (ms: number) => {
    now += ms;
    requests.onReply(false, new Uint8Array());
    await settle();
    return [requests.roundTripMs, sent.length];
  };
  requests.sample();
  assertEquals(sent, [], "the server may not answer");
  requests.answersPings = true;
  now += 50;

  requests.sample();
  assertEquals(await answer(30), [30, 2]);
  assertEquals(await answer(20), [20, 3]);
  assertEquals(await answer(20), [20, 4]);
  assertEquals(await answer(20), [20, 4]);
  requests.sample();
  assertEquals(await answer(2), [2, 5]);
  now += 50;
  requests.sample();
  assertEquals(sent.length, 5);
});

Deno.test("GlobalRequests samples a long path seldom, and not while it is measured anyway", async () => {
  let now = 0;
  using _ = stubNow(() => now);
  const { sent, requests } = setUp();
  requests.answersPings = true;
  const answer = async (ms: number) => {
    now += ms;
    requests.onReply(false, new Uint8Array());
    await settle();
  };
  requests.sample();
  await answer(31);
  now += 18;
  requests.sample();
  assertEquals(sent.length, 1, "too soon");

  void requests.measure();
  await answer(100);
  now += 899;
  requests.sample();
  assertEquals(sent.length, 2, "it was measured");

  for (let i = 0; i < 100; i++) {
    now += 50;
    requests.sample();
    await answer(100);
  }
  assertEquals(sent.length, 1 + 20);
});

/** Replaces the clock of this thread. */
function stubNow(now: () => number): Disposable {
  const original = performance.now;
  performance.now = now;
  return { [Symbol.dispose]: () => void (performance.now = original) };
}

Deno.test("GlobalRequests measures nothing while a reply is awaited, and lets a request wait for the ping", async () => {
  const { ask, sent, requests } = setUp();
  const measuring = requests.measure();
  assertEquals(await requests.measure(), undefined);
  const asking = ask("a");
  await settle();
  assertEquals(sent, ["ping"]);
  requests.onReply(false, new Uint8Array());
  assert(await measuring !== undefined);
  await settle();
  assertEquals(sent, ["ping", "a"]);
  requests.onReply(true, new Uint8Array());
  assert((await asking).success);
});

Deno.test("GlobalRequests pings a server that answers no pings once, and sends requests after that", async () => {
  const { ask, sent, requests } = setUp(20);
  const measuring = requests.measure();
  const asking = ask("a");
  assertEquals(await measuring, undefined);
  assertEquals(await requests.measure(), undefined);
  await settle();
  assertEquals(sent, ["ping", "a"]);
  requests.onReply(true, new Uint8Array());
  assert((await asking).success, "the reply is the request's");
});

for (
  const [known, isKnown] of [
    ["is known to answer pings", true],
    ["has answered a ping", false],
  ] as const
) {
  Deno.test(`GlobalRequests takes no late answer of a server that ${known} for the next request's`, async () => {
    const { ask, sent, requests } = setUp(20);
    requests.answersPings = isKnown;
    if (!isKnown) {
      const measuring = requests.measure();
      requests.onReply(false, new Uint8Array());
      assert(await measuring !== undefined);
    }
    sent.length = 0;
    const measuring = requests.measure();
    const asking = ask("a");
    assertEquals(await measuring, undefined);
    await settle();
    assertEquals(sent, ["ping", "a"]);
    requests.onReply(false, new Uint8Array()); // the ping's
    requests.onReply(true, new Uint8Array());
    assert((await asking).success);
  });
}

Deno.test("GlobalRequests stops measuring when the connection is gone", async () => {
  const { requests } = setUp();
  const measuring = requests.measure();
  requests.onConnectionEnd(new RForwardError("connection-closed", "gone"));
  assertEquals(await measuring, undefined);
  assertEquals(await requests.measure(), undefined);
});
