import { readFull } from "../../src/streams/read_full.ts";
import { writeAll, writeAllSync } from "../../src/streams/write_all.ts";
import { assertEquals, assertRejects } from "../assert.ts";

/** Takes and gives at most three bytes at a time. */
class Reluctant {
  readonly taken: number[] = [];

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(this.writeSync(bytes));
  }

  writeSync(bytes: Uint8Array): number {
    const part = bytes.subarray(0, 3);
    this.taken.push(...part);
    return part.length;
  }

  read(into: Uint8Array): Promise<number | null> {
    const part = this.taken.splice(0, Math.min(3, into.length));
    into.set(part);
    return Promise.resolve(part.length || null);
  }
}

const bytes = Uint8Array.from({ length: 8 }, (_, i) => i);

Deno.test("writeAll() and writeAllSync() write all bytes, whatever is taken at a time", async () => {
  const to = new Reluctant();
  await writeAll(to, bytes);
  assertEquals(to.taken, [...bytes]);
  writeAllSync(to, bytes);
  assertEquals(to.taken, [...bytes, ...bytes]);
  await writeAll(to, new Uint8Array());
  writeAllSync(to, new Uint8Array());
  const failing = { write: () => Promise.reject(new Error("full")) };
  await assertRejects(() => writeAll(failing, bytes), Error);
});

Deno.test("readFull() fills the buffer, or says how far the bytes reached", async () => {
  const from = new Reluctant();
  await writeAll(from, bytes);
  const buffer = new Uint8Array(5);
  assertEquals(await readFull(from, buffer), 5);
  assertEquals([...buffer], [0, 1, 2, 3, 4]);
  assertEquals(await readFull(from, buffer), 3);
  assertEquals([...buffer], [5, 6, 7, 3, 4]);
  assertEquals(await readFull(from, buffer), 0);
});
