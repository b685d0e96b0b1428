import { QueueLimit } from "../../../../src/ssh/native/packets/queue_limit.ts";
import { assertEquals } from "../../../assert.ts";

const KIB = 1024;

/** The limit after writes of 64 KiB at a rate in KiB/ms, over one second. */
function limitAt(rate: number, limit = new QueueLimit()): number {
  for (let ms = 0; ms < 1000; ms += 64 / rate) {
    limit.onWritten(64 * KIB, 64 / rate);
  }
  return Math.round(limit.bytes / KIB);
}

Deno.test("QueueLimit is what the stream takes in 5 ms, between 32 and 192 KiB", () => {
  assertEquals(new QueueLimit().bytes, 192 * KIB);
  assertEquals(limitAt(1), 32);
  assertEquals(limitAt(20), 100);
  assertEquals(limitAt(500), 192);
});

Deno.test("QueueLimit follows the stream when it becomes faster or slower", () => {
  const limit = new QueueLimit();
  assertEquals(limitAt(1, limit), 32);
  assertEquals(limitAt(100, limit), 192);
  assertEquals(limitAt(1, limit), 32);
});

Deno.test("QueueLimit takes nothing from small writes", () => {
  const limit = new QueueLimit();
  for (let i = 0; i < 1000; i++) limit.onWritten(64, 1);
  assertEquals(limit.bytes, 192 * KIB);
});
