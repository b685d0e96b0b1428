import {
  SendWindow,
  SharedSending,
} from "../../../src/ssh/channels/send_window.ts";
import { assertEquals } from "../../assert.ts";

const KIB = 1024;
const SIZE = 2048 * KIB;

/** Two channels of a connection, with a clock and a path that can be set. */
function open(roundTripMs: number | undefined) {
  const clock = { now: 0 };
  const path = { roundTripMs, samples: 0, sample: () => void path.samples++ };
  const sharing = new SharedSending(path, () => clock.now);
  const woken = { count: 0, next: Promise.withResolvers<void>() };
  const wake = () => {
    woken.count++;
    woken.next.resolve();
  };
  const bulk = new SendWindow(SIZE, wake, sharing);
  const other = new SendWindow(SIZE, () => {}, sharing);
  return { clock, path, bulk, other, woken };
}

/** The peer gives window back for what was sent, in portions of this size. */
function flow(window: SendWindow, portion: number): void {
  window.take(portion);
  window.adjust(portion);
}

Deno.test("a send window is what the peer takes while one channel sends", () => {
  const { bulk } = open(1);
  flow(bulk, 128 * KIB);
  assertEquals(bulk.room, SIZE);
  bulk.take(SIZE);
  assertEquals(bulk.room, 0);
});

Deno.test("a send window keeps 512 KiB on the way while another channel sends, on a short path only", () => {
  for (
    const [roundTripMs, room] of [
      [1, 512 * KIB],
      [50, SIZE],
      [undefined, SIZE],
    ] as const
  ) {
    const { clock, bulk, other } = open(roundTripMs);
    flow(bulk, 128 * KIB);
    other.take(64);
    flow(bulk, 128 * KIB);
    assertEquals(bulk.room, room);
    clock.now += 1001;
    assertEquals(bulk.room, SIZE);
  }
});

Deno.test("a closed channel shares nothing", () => {
  const { bulk, other } = open(1);
  other.take(64);
  other.close();
  flow(bulk, 128 * KIB);
  assertEquals(bulk.room, SIZE);
});

Deno.test("a send window is not limited before the peer has given back a small portion", () => {
  const { bulk, other } = open(1);
  bulk.take(64 * KIB);
  other.take(64);
  bulk.take(64 * KIB);
  assertEquals(bulk.room, SIZE - 128 * KIB);
  flow(bulk, SIZE / 2);
  assertEquals(bulk.room, SIZE - 128 * KIB);
  flow(bulk, 64 * KIB);
  assertEquals(bulk.room, 384 * KIB);
});

Deno.test("a send window is still limited when a busy peer gives back much at once", () => {
  const { bulk, other } = open(1);
  flow(bulk, 128 * KIB);
  other.take(64);
  bulk.take(512 * KIB);
  bulk.adjust(512 * KIB);
  assertEquals(bulk.room, 512 * KIB);
});

Deno.test("the path is measured when several channels send", () => {
  const { path, bulk, other } = open(50);
  flow(bulk, 128 * KIB);
  flow(bulk, 128 * KIB);
  assertEquals(path.samples, 0);
  other.take(64);
  flow(bulk, 128 * KIB);
  assertEquals(path.samples, 2);
});

Deno.test("a writer that waits for a send window is woken once there is room, also when sharing has ended", () => {
  const { clock, bulk, other, woken } = open(1);
  flow(bulk, 64 * KIB);
  other.take(64);
  bulk.take(768 * KIB);
  bulk.wait();
  bulk.adjust(128 * KIB);
  assertEquals([bulk.room, woken.count], [0, 0]);
  bulk.adjust(192 * KIB);
  assertEquals([bulk.room, woken.count], [64 * KIB, 1]);

  bulk.take(64 * KIB);
  bulk.wait();
  clock.now += 1001;
  bulk.adjust(KIB);
  assertEquals(woken.count, 2);
  bulk.close();
});

Deno.test("a send window's limit is doubled where the peer gives nothing back for a while, and halved after many portions", async () => {
  const { bulk, other, woken } = open(1);
  flow(bulk, 64 * KIB);
  other.take(64);
  bulk.take(512 * KIB);
  assertEquals(bulk.room, 0);
  bulk.wait();
  await woken.next.promise;
  assertEquals(bulk.room, 512 * KIB);
  bulk.adjust(512 * KIB);
  for (let i = 0; i < 1000; i++) flow(bulk, 64 * KIB);
  assertEquals(bulk.room, 512 * KIB);
  bulk.close();
});

Deno.test("a closed send window leaves no timer", () => {
  const { bulk, other } = open(1);
  flow(bulk, 64 * KIB);
  other.take(64);
  bulk.take(512 * KIB);
  bulk.wait();
  bulk.close();
});
