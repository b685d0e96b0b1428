import {
  ReceiveWindow,
  type WindowOwner,
} from "../../../src/ssh/channels/receive_window.ts";
import { assert, assertEquals } from "../../assert.ts";

const MIB = 1024 * 1024;

/** A window whose owner counts. */
function newWindow(size: number) {
  const owner = {
    portions: 0,
    released: 0,
    onReceived() {},
    onPortion: () => void owner.portions++,
    onReleased: (bytes: number) => void (owner.released += bytes),
  } satisfies WindowOwner & Record<string, unknown>;
  return { owner, window: new ReceiveWindow(owner, size) };
}

Deno.test("ReceiveWindow knows where each byte is: to come, unread, or read", () => {
  const { window } = newWindow(2 * MIB);
  assertEquals(window.take(100_000), 0);
  assertEquals(window.unread, 100_000);
  assert(!window.onRead(60_000));
  assertEquals(window.unread, 40_000);
  assertEquals(window.takeUnreturned(), 60_000);
  assertEquals(window.takeUnreturned(), 0);
  assertEquals([window.unread, window.size, window.received], [
    ...[40_000, 2 * MIB, 100_000],
  ]);
});

Deno.test("ReceiveWindow says by how much its peer exceeds it", () => {
  const { window } = newWindow(MIB);
  assertEquals(window.take(MIB), 0);
  assertEquals(window.take(5), 5);
});

Deno.test("ReceiveWindow gives back an eighth at once, and calls its owner", () => {
  const { window, owner } = newWindow(MIB);
  window.take(MIB);
  assert(!window.onRead(MIB / 8 - 1));
  assert(window.onRead(1));
  assertEquals(window.takeUnreturned(), MIB / 8);
  assertEquals(owner.portions, 1);

  window.onRead(1);
  assertEquals(window.takeUnreturned(), 1);
  assertEquals(owner.portions, 1);
});

Deno.test("ReceiveWindow gives back what it grew by", () => {
  const { window } = newWindow(MIB);
  window.take(MIB);
  window.onRead(MIB);
  window.grow(MIB);
  assertEquals(window.takeUnreturned(), 2 * MIB);
  assertEquals(window.take(2 * MIB), 0);
  assertEquals(window.take(1), 1);
});

Deno.test("ReceiveWindow that has grown shrinks while its reader lags, down to its first size", () => {
  const { window, owner } = newWindow(MIB);
  window.grow(7 * MIB);
  assertEquals(window.takeUnreturned(), 7 * MIB);
  // The peer fills it all the time, and the reader takes little.
  for (let open = 8 * MIB, i = 0; i < 1000; i++) {
    assertEquals(window.take(open), 0);
    window.onRead(MIB / 16);
    open = window.takeUnreturned();
  }
  assertEquals([window.size, owner.released], [MIB, 7 * MIB]);
  assert(window.unread <= MIB);
});

Deno.test("ReceiveWindow never shrinks for a reader that keeps up", () => {
  const { window } = newWindow(MIB);
  window.grow(7 * MIB);
  window.takeUnreturned();
  for (let i = 0; i < 100; i++) {
    window.take(3 * MIB);
    window.onRead(3 * MIB);
    window.takeUnreturned();
  }
  assertEquals(window.size, 8 * MIB);
});

Deno.test("ReceiveWindow.limit() takes back what was too much as it is read", () => {
  const { window, owner } = newWindow(2 * MIB);
  window.limit(MIB / 2);
  assertEquals(window.size, 2 * MIB);
  for (let open = 2 * MIB, read = 0; read < 4 * MIB; read += MIB / 8) {
    assertEquals(window.take(Math.min(open, MIB / 8)), 0);
    window.onRead(MIB / 8);
    open += window.takeUnreturned() - MIB / 8;
  }
  assertEquals([window.size, owner.released], [MIB / 2, 1.5 * MIB]);
  window.limit(MIB); // is larger
  assertEquals(window.size, MIB / 2);
});

Deno.test("ReceiveWindow.close() releases all of it, once", () => {
  const { window, owner } = newWindow(MIB);
  window.grow(MIB);
  window.close();
  window.close();
  assertEquals(owner.released, 2 * MIB);
});

Deno.test("ReceiveWindow releases nothing more once it is closed, though its reader lags behind", () => {
  const { window, owner } = newWindow(MIB);
  window.grow(7 * MIB);
  window.takeUnreturned();
  window.take(8 * MIB);
  window.close();
  assert(!window.onRead(MIB));
  assertEquals(owner.released, 8 * MIB);
});
