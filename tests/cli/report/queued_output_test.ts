import { QueuedOutput } from "../../../src/cli/report/queued_output.ts";
import { assertEquals } from "../../assert.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A pipe that takes what is written when it is read. */
function pipe() {
  let next: (() => void) | undefined;
  return {
    taken: "",
    writeSync(bytes: Uint8Array): number {
      this.taken += new TextDecoder().decode(bytes);
      return bytes.length;
    },
    write(bytes: Uint8Array): Promise<number> {
      return new Promise((resolve) =>
        next = () => {
          this.taken += new TextDecoder().decode(bytes);
          resolve(bytes.length);
        }
      );
    },
    /** Takes one write. */
    async read(): Promise<void> {
      next!();
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

Deno.test("QueuedOutput takes what nothing reads yet, and writes it in order", async () => {
  const out = pipe();
  const queued = new QueuedOutput(out, () => {});
  for (const text of ["a", "b", "c"]) {
    assertEquals(queued.writeSync(encode(text)), 1);
  }
  await out.read();
  await out.read();
  assertEquals(out.taken, "abc");
  await queued[Symbol.asyncDispose]();
});

Deno.test("QueuedOutput holds 1 MiB, leaves out what comes then, and reports how many writes in their place", async () => {
  const out = pipe();
  const queued: QueuedOutput = new QueuedOutput(
    out,
    (lost) => queued.writeSync(encode(`(${lost} lost)`)),
  );
  const line = "x".repeat(1024);
  for (let i = 0; i < 1027; i++) queued.writeSync(encode(line));
  await out.read();
  queued.writeSync(encode("later"));
  await out.read();
  await out.read();
  assertEquals(out.taken, `${line.repeat(1024)}(3 lost)later`);
  await queued[Symbol.asyncDispose]();
});

Deno.test("QueuedOutput goes on after a failed write", async () => {
  let taken = "";
  const queued = new QueuedOutput({
    ...pipe(),
    write(bytes) {
      const text = new TextDecoder().decode(bytes);
      if (text === "a") return Promise.reject(new Error("no space left"));
      taken += text;
      return Promise.resolve(bytes.length);
    },
  }, () => {});
  for (const text of ["a", "b"]) queued.writeSync(encode(text));
  await queued[Symbol.asyncDispose]();
  assertEquals(taken, "b");
});

Deno.test("QueuedOutput.flushSync() writes what waits", async () => {
  const out = pipe();
  const queued = new QueuedOutput(out, () => {});
  for (const text of ["a", "b", "c"]) queued.writeSync(encode(text));
  await out.read();
  queued.writeSync(encode("d"));
  queued.flushSync();
  assertEquals(out.taken, "ad");
  await out.read();
  await queued[Symbol.asyncDispose]();
});
