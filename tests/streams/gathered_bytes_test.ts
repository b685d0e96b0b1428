import { GatheredBytes } from "../../src/streams/gathered_bytes.ts";
import { assert, assertEquals } from "../assert.ts";

const LARGEST = 128 * 1024;

Deno.test("GatheredBytes gives all bytes in order, however they are put in and taken", () => {
  // The same in every run: 16 bits of a linear congruence.
  let state = 7;
  const random = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % limit;
  };
  const next = (at: number) => at * 31 % 251;
  const kept: { chunk: Uint8Array; at: number }[] = [];
  for (let round = 0; round < 40; round++) {
    const bytes = new GatheredBytes();
    let put = 0, got = 0;
    const check = (taken: Uint8Array) => {
      assert(taken.every((byte, i) => byte === next(got + i)));
      got += taken.length;
      assertEquals(bytes.length, put - got);
    };
    for (let step = 0; step < 200; step++) {
      const size = [1, 100, 5000, 40_000][random(4)]!;
      const data = new Uint8Array(1 + random(size)).map((_, i) =>
        next(put + i)
      );
      bytes.push(data);
      put += data.length;
      data.fill(255); // it is copied
      while (bytes.length > 0 && random(5) > 0) {
        if (round % 4 > random(4)) {
          const chunk = bytes.takeChunk();
          if (random(20) === 0) kept.push({ chunk, at: got });
          check(chunk);
        } else {
          const room = new Uint8Array(1 + random(150_000)).fill(255);
          const wanted = Math.min(room.length, bytes.length);
          const copied = bytes.copyTo(room);
          assertEquals(copied, wanted);
          check(room.subarray(0, copied));
        }
      }
      if (random(50) === 0) {
        assertEquals(bytes.clear(), put - got);
        got = put;
      }
    }
  }
  assert(kept.length > 20);
  for (const { chunk, at } of kept) {
    assert(chunk.every((byte, i) => byte === next(at + i)));
  }
});

Deno.test("GatheredBytes.copyTo() reuses buffers, and never exposes their old contents", () => {
  const room = new Uint8Array(LARGEST);
  const secret = new Uint8Array(LARGEST).fill(99);
  const copied = new GatheredBytes();
  for (let i = 0; i < 40; i++) {
    copied.push(secret);
    assertEquals(copied.copyTo(room), secret.length);
  }

  const other = new GatheredBytes();
  for (let i = 0; i < 20; i++) {
    other.push(new Uint8Array(100_000).fill(1));
    // It grows its buffers while it is copied out, and is then given away.
    if (i < 10) other.copyTo(room);
    else assert(!new Uint8Array(other.takeChunk().buffer).includes(99));
  }
});

Deno.test("gatheredBytes.lend() leaves what is lent as it is until it is taken back, whatever comes meanwhile", () => {
  const gathered = new GatheredBytes();
  let pushed = 0;
  let read = 0;
  const next = (at: number) => at * 7 % 251;
  for (let round = 0; round < 300; round++) {
    const push = (size: number) =>
      gathered.push(
        Uint8Array.from({ length: size }, () => next(pushed++)),
      );
    push(1 + round * 7919 % 9000);
    const lent = gathered.lend();
    push(round * 104_729 % 5000);
    assert(lent.every((byte) => byte === next(read++)));
    if (round % 100 === 99) {
      read += gathered.clear();
      assertEquals(read, pushed);
    }
    gathered.takeBack();
    assertEquals(gathered.length, pushed - read);
  }
});

Deno.test("gatheredBytes.lend() and others' buffers never share memory", () => {
  const [a, b] = [new GatheredBytes(), new GatheredBytes()];
  for (let round = 0; round < 50; round++) {
    a.push(new Uint8Array(100).fill(1));
    const lent = a.lend();
    b.push(new Uint8Array(100).fill(2));
    const other = b.lend();
    a.clear();
    a.push(new Uint8Array(100).fill(3));
    assert(lent.every((byte) => byte === 1));
    assert(other.every((byte) => byte === 2));
    b.takeBack();
    a.lend();
    a.takeBack();
  }
});
