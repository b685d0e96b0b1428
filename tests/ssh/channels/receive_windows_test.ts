import type { ReceiveWindow } from "../../../src/ssh/channels/receive_window.ts";
import {
  ReceiveWindows,
  WindowLimits,
} from "../../../src/ssh/channels/receive_windows.ts";
import { assert, assertEquals } from "../../assert.ts";

const MIB = 1024 * 1024;

/**
 * A path to a peer that sends as fast as windows and the path allow, in time
 * that only passes here.
 */
class Path {
  roundTripMs: number | undefined;
  time = 0;
  questions = 0;
  readonly #length: number;
  readonly #capacity: number;
  /** Whether the peer answers questions. */
  answers = true;
  #question: { sent: number; answer(ms: number | undefined): void } | undefined;

  /**
   * @param length The round trip of a small message on an idle path, in milliseconds.
   * @param capacity Bytes a millisecond.
   */
  constructor(length: number, capacity: number) {
    this.#length = length;
    this.#capacity = capacity;
  }

  measure(): Promise<number | undefined> {
    assertEquals(this.#question, undefined, "one question at a time");
    this.questions++;
    if (!this.answers) return Promise.resolve(undefined);
    return new Promise((answer) => {
      this.#question = { sent: this.time, answer };
    });
  }

  /** One round trip: each window's data arrives and is read in turns, as far as the capacity goes. */
  async pass(windows: ReceiveWindow[], reads = (bytes: number) => bytes) {
    const wanted = windows.reduce((sum, window) => sum + window.open, 0);
    // More than the path holds waits in line.
    const ms = Math.max(this.#length, wanted / this.#capacity);
    const turns = 32;
    const shares = windows.map((window) => window.open / turns);
    for (let turn = 0; turn < turns; turn++) {
      for (const [i, window] of windows.entries()) {
        const bytes = Math.floor(shares[i]!);
        assertEquals(window.take(bytes), 0);
        if (window.onRead(reads(bytes))) window.takeUnreturned();
      }
      this.time += ms / turns;
      await this.#answer();
    }
  }

  async #answer(): Promise<void> {
    const question = this.#question;
    if (question && this.time - question.sent >= this.#length) {
      this.#question = undefined;
      const ms = this.time - question.sent;
      this.roundTripMs = Math.min(this.roundTripMs ?? ms, ms);
      question.answer(ms);
    }
    for (let i = 0; i < 5; i++) await Promise.resolve(); // what waits for the answer
  }
}

function setUp({ length = 100, capacity = 100_000, known = true } = {}) {
  const path = new Path(length, capacity);
  if (known) path.roundTripMs = length;
  return { path, windows: new ReceiveWindows(path, () => path.time) };
}

Deno.test("ReceiveWindows start small on a short path, and with OpenSSH's size on a long or an unknown one", () => {
  const { shortPath, longPath } = WindowLimits;
  assertEquals(setUp({ length: 0.5 }).windows.open().size, shortPath);
  assertEquals(setUp({ length: 50 }).windows.open().size, longPath);
  assertEquals(setUp({ known: false }).windows.open().size, longPath);
});

Deno.test("a receive window on a long path grows to what the path holds, and stays there", async () => {
  // 5 MB are on their way on it.
  const { path, windows } = setUp({ length: 100, capacity: 50_000 });
  const window = windows.open();
  for (let i = 0; i < 12; i++) await path.pass([window]);
  const { size } = window;
  assert(size > 5e6 && size <= 2 * 5e6 + MIB, `${size} bytes`);
  for (let i = 0; i < 50; i++) await path.pass([window]);
  assert(window.size <= 2 * 5e6 + MIB, `${window.size} bytes`);
});

Deno.test("a receive window grows to 16 MiB at most, and by twice in a round trip at most", async () => {
  const { path, windows } = setUp({ length: 300, capacity: 1e6 });
  const window = windows.open();
  for (let i = 0; i < 30; i++) {
    const before = window.size;
    await path.pass([window]);
    assert(window.size <= 2 * before);
  }
  assert(window.size > 14 * MIB, `${window.size} bytes`);
  assert(window.size <= WindowLimits.channelMax);
});

Deno.test("a receive window on a short path has 2 MiB at most, however long the line", async () => {
  const { path, windows } = setUp({ length: 0.2, capacity: 500_000 });
  const window = windows.open();
  for (let i = 0; i < 50; i++) await path.pass([window]);
  assertEquals(window.size, WindowLimits.alone);
});

Deno.test("a receive window on a short path is small while others receive something, too", async () => {
  const { path, windows } = setUp({ length: 0.2, capacity: 500_000 });
  const [bulk, other] = [windows.open(), windows.open()];
  const bulkFor = async (ms: number, others: boolean) => {
    for (const end = path.time + ms; path.time < end;) {
      if (others) {
        other.take(64);
        other.onRead(64);
      }
      await path.pass([bulk]);
    }
    return bulk.size;
  };
  assertEquals(await bulkFor(100, false), WindowLimits.alone);
  assertEquals(await bulkFor(100, true), WindowLimits.shortPath);
  assertEquals(await bulkFor(2000, false), WindowLimits.alone);
});

Deno.test("a receive window that comes after a closed one is alone", async () => {
  const { path, windows } = setUp({ length: 0.2, capacity: 500_000 });
  const first = windows.open();
  first.take(64);
  first.close();
  const second = windows.open();
  for (let i = 0; i < 5; i++) await path.pass([second]);
  assertEquals(second.size, WindowLimits.alone);
});

Deno.test("a receive window does not grow where the peer answers no pings", async () => {
  const { path, windows } = setUp();
  path.answers = false;
  const window = windows.open();
  for (let i = 0; i < 20; i++) await path.pass([window]);
  assertEquals(window.size, WindowLimits.longPath);
  // In 2 s: not one at each chance.
  assert(path.questions <= 3, `${path.questions} questions`);
});

Deno.test("a receive window does not grow for a reader that lags", async () => {
  const { path, windows } = setUp({ length: 100, capacity: 1e6 });
  const window = windows.open();
  for (let i = 0; i < 20; i++) {
    await path.pass([window], (bytes) => Math.floor(bytes / 2));
  }
  assertEquals(window.size, WindowLimits.longPath);
});

Deno.test("the peer is asked once a second at most when answers change nothing", async () => {
  const { path, windows } = setUp({ length: 0.2, capacity: 500_000 });
  const window = windows.open();
  while (path.time < 100) await path.pass([window]);
  assert(path.questions <= 4, `${path.questions} questions`);
});

Deno.test("100 stuck readers on a long path keep to 48 MiB", () => {
  const { windows } = setUp();
  const opened = Array.from({ length: 100 }, () => windows.open());
  for (const window of opened) assertEquals(window.take(window.size), 0);
  const held = opened.reduce((sum, window) => sum + window.unread, 0);
  assert(held <= WindowLimits.connection, `${held} bytes`);
  assert(opened.every(({ size }) => size >= WindowLimits.channelMin));
  for (const window of opened) window.close();
  assertEquals(windows.left, WindowLimits.connection);
});

Deno.test("windows that grew leave enough for others, and all keep to 48 MiB", async () => {
  const { path, windows } = setUp({ length: 300, capacity: 1e6 });
  const opened = Array.from({ length: 6 }, () => windows.open());
  for (let i = 0; i < 20; i++) await path.pass(opened);
  const sum = opened.reduce((sum, { size }) => sum + size, 0);
  assert(sum > 24 * MIB && sum <= WindowLimits.connection, `${sum} bytes`);

  for (let i = 0; i < 256 - 6; i++) windows.open();
  assert(windows.left >= 0, `${windows.left} bytes left`);
});

Deno.test("a channel among thousands gets its minimum", () => {
  const { windows } = setUp();
  for (let i = 0; i < 4000; i++) windows.open();
  assertEquals(windows.open().size, WindowLimits.channelMin);
});
