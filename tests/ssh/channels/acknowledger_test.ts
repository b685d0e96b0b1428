import { Acknowledger } from "../../../src/ssh/channels/acknowledger.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { assert, assertEquals } from "../../assert.ts";

/** A channel that can, or cannot, give back window. */
function channel(can = true) {
  const adjusted = Promise.withResolvers<void>();
  return {
    adjusted: adjusted.promise,
    count: 0,
    adjustWindow() {
      if (!can) return false;
      this.count++;
      adjusted.resolve();
      return true;
    },
  };
}

/** A transport whose bytes the test counts, and the first message sent on it. */
function written() {
  const sent = Promise.withResolvers<Uint8Array>();
  return {
    bytesSent: 0,
    count: 0,
    send(message: Uint8Array) {
      this.count++;
      sent.resolve(message);
    },
    sent: sent.promise,
  };
}

Deno.test("acknowledger sends a message that does nothing where one came that is about no data", async () => {
  const transport = written();
  const acknowledger = new Acknowledger(transport);
  acknowledger.onMessage();
  acknowledger.onHandled(MessageNumber.CHANNEL_CLOSE);
  assertEquals((await transport.sent)[0], MessageNumber.IGNORE);
  acknowledger.stop();
});

Deno.test("acknowledger starts no timer for a message that was answered at once", () => {
  using timer = takeTimer();
  const transport = written();
  const acknowledger = new Acknowledger(transport);
  acknowledger.onMessage();
  transport.bytesSent += 100;
  acknowledger.onHandled(MessageNumber.CHANNEL_CLOSE);
  assert(!timer.isSet);
  acknowledger.onMessage();
  acknowledger.onHandled(MessageNumber.CHANNEL_EOF);
  assert(timer.isSet);
});

Deno.test("acknowledger acknowledges an EOF at once while another channel is new", () => {
  using timer = takeTimer();
  const transport = written();
  const acknowledger = new Acknowledger(transport);
  const eof = () => {
    const before = transport.count;
    acknowledger.onMessage();
    acknowledger.onHandled(MessageNumber.CHANNEL_EOF);
    return transport.count - before;
  };
  acknowledger.onConfirmed();
  assertEquals([eof(), timer.isSet], [1, false]);
  assertEquals(
    [eof(), timer.isSet],
    [0, true],
    "only one for each new channel",
  );
  acknowledger.onConfirmed();
  acknowledger.onFirstRead(channel());
  assertEquals(eof(), 0, "no channel is new");
});

Deno.test("acknowledger sends one message for all channels that were read from and not answered", async () => {
  const acknowledger = new Acknowledger(written());
  const [closed, one, other] = [channel(false), channel(), channel()];
  for (const read of [closed, one, other, one]) acknowledger.onRead(read);
  await one.adjusted;
  assertEquals([one.count, other.count], [1, 0]);

  acknowledger.onRead(other);
  await other.adjusted;
  assertEquals([one.count, other.count], [1, 1]);
  acknowledger.stop();
});

Deno.test("acknowledger sends nothing where an answer was sent, but for what is read after that", async () => {
  const transport = written();
  const acknowledger = new Acknowledger(transport);
  const [answered, later] = [channel(), channel()];
  acknowledger.onRead(answered);
  transport.bytesSent += 100;
  // Beyond its time; a timer that is started later fires later.
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(answered.count, 0);

  acknowledger.onRead(answered);
  transport.bytesSent += 100;
  acknowledger.onRead(later);
  await Promise.race([later.adjusted, answered.adjusted]);
  assertEquals(answered.count + later.count, 1);
  acknowledger.stop();
});

Deno.test("acknowledger answers the first data of a channel at once, unless much is going on", () => {
  const acknowledger = new Acknowledger(written());
  const [first, soonAfter, closed] = [channel(), channel(), channel(false)];
  acknowledger.onFirstRead(first);
  acknowledger.onFirstRead(soonAfter);
  acknowledger.onFirstRead(closed);
  assertEquals([first.count, soonAfter.count], [1, 0]);
  acknowledger.stop();
});

Deno.test("acknowledger looks less often where answers come in time, until one does not", () => {
  using timer = takeTimer();
  const transport = written();
  const acknowledger = new Acknowledger(transport);
  const peer = channel();
  const delays = new Set<number>();
  for (let i = 0; i < 100; i++) {
    acknowledger.onRead(peer);
    transport.bytesSent += 100;
    delays.add(timer.fire());
  }
  assertEquals([...delays], [1, 2, 4, 8]);

  acknowledger.onRead(peer);
  assertEquals([timer.fire(), peer.count], [8, 1]);
  acknowledger.onMessage(); // what the server had held back
  acknowledger.onRead(peer);
  assertEquals([timer.fire(), peer.count], [1, 2]);
});

Deno.test("acknowledger looks less often where the server had nothing to send after that", () => {
  using timer = takeTimer();
  const transport = written();
  const acknowledger = new Acknowledger(transport);
  const peer = channel();
  const delays = new Set<number>();
  for (let i = 0; i < 100; i++) {
    acknowledger.onRead(peer);
    delays.add(timer.fire());
    transport.bytesSent += 100; // the answer, to which the next message is one
    acknowledger.onMessage();
  }
  assertEquals([...delays], [1, 2, 4, 8]);
  assertEquals(peer.count, 100);
});

Deno.test("acknowledger answers the first data at once more rarely where nothing follows before the answer", () => {
  using _timer = takeTimer();
  const transport = written();
  const acknowledger = new Acknowledger(transport);
  const firstReads = (follows: boolean) => {
    const peer = channel();
    for (let i = 0; i < 160; i++) {
      promptly(() => acknowledger.onFirstRead(peer));
      if (!follows) transport.bytesSent += 100;
      acknowledger.onMessage();
    }
    return peer.count;
  };
  assertEquals(firstReads(true), 160);
  assertEquals(firstReads(false), 3 + 9, "the first, then every 16th");
  assert(firstReads(true) > 140);
});

/** Takes the place of `setTimeout`: `fire()` calls back at once, and returns after how many milliseconds it would have been. */
function takeTimer() {
  const { setTimeout } = globalThis;
  let set: { callback: () => void; ms: number } | undefined;
  globalThis.setTimeout = ((callback: () => void, ms: number) => {
    set = { callback, ms };
    return 0;
  }) as unknown as typeof setTimeout;
  return {
    get isSet() {
      return set !== undefined;
    },
    fire() {
      const { callback, ms } = set!;
      callback();
      return ms;
    },
    [Symbol.dispose]: () => void (globalThis.setTimeout = setTimeout),
  };
}

let now = 0;

/** Calls at a time when nothing was acknowledged at once for long. */
function promptly(call: () => void): void {
  const { performance } = globalThis;
  now += 1000;
  Object.defineProperty(globalThis, "performance", {
    configurable: true,
    value: { now: () => now },
  });
  try {
    call();
  } finally {
    Object.defineProperty(globalThis, "performance", {
      configurable: true,
      value: performance,
    });
  }
}

Deno.test("acknowledger.stop() leaves no timer, and nothing starts one", () => {
  const acknowledger = new Acknowledger(written());
  acknowledger.onRead(channel());
  acknowledger.stop();
  acknowledger.onRead(channel());
});
