import { OutputLines } from "../../../../src/forward/supervise/connection/output_lines.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { within } from "../../../within.ts";

const encoder = new TextEncoder();

/** The lines that become of chunks of text. */
async function linesOf(...chunks: string[]): Promise<string[]> {
  const lines: string[] = [];
  await new OutputLines((line) => lines.push(line)).read(
    ReadableStream.from(chunks.map((chunk) => encoder.encode(chunk))),
  );
  return lines;
}

Deno.test("outputLines.read() makes lines, wherever the chunks end", async () => {
  assertEquals(
    await linesOf("on", "e\r\ntwo\n\n  \r", "\nthree\rfo", "ur"),
    ["one", "two", "three", "four"],
  );
});

Deno.test("outputLines.read() joins characters that are split between chunks", async () => {
  const bytes = encoder.encode("größer ▄▀\n");
  const lines: string[] = [];
  await new OutputLines((line) => lines.push(line))
    .read(
      ReadableStream.from(Array.from(bytes, (byte) => Uint8Array.of(byte))),
    );
  assertEquals(lines, ["größer ▄▀"]);
});

Deno.test("outputLines.read() leaves nothing that does something to a terminal", async () => {
  assertEquals(
    await linesOf(
      "\x1b[2J\x1b[1;32m  https://",
      "demo.example\x1b[0m\x07\n\x1b]0;title\x07\u202eevil\x00\n\x1b[?25l\n",
    ),
    ["  https://demo.example", " evil"],
  );
});

Deno.test("outputLines.read() says a line without an end when nothing follows", async () => {
  const said = Promise.withResolvers<string>();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const reading = new OutputLines(said.resolve).read(readable);
  const writer = writable.getWriter();
  await writer.write(encoder.encode("Name: "));
  assertEquals(await within(10_000, "the line", said.promise), "Name:");
  await writer.close();
  await reading;
});

Deno.test("outputLines.read() cuts a line that never ends", async () => {
  const lines = await linesOf(
    ..."x".repeat(200).split("").map(() => "y".repeat(1000)),
  );
  assert(lines.length <= 20, `${lines.length} lines`);
  for (const line of lines) assert(line.length <= 2001, `${line.length}`);
});

Deno.test("outputLines.read() leaves out a flood, and says how much", async () => {
  const chunk = "a line of a server\n".repeat(1000);
  const lines = await linesOf(...Array(50).fill(chunk));
  assert(lines.length < 1000, `${lines.length} lines`);
  const left = lines.map((line) =>
    Number(/^… (\d+) lines were/.exec(line)?.[1] ?? 0)
  )
    .reduce((sum, count) => sum + count, 0);
  const shown = lines.filter((line) => !line.startsWith("…")).length;
  assertEquals(left + shown, 50_000);
  assert(lines.at(-1)?.startsWith("… "));
});

Deno.test("outputLines.read() rejects where the stream breaks, after what it said", async () => {
  const lines: string[] = [];
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (lines.length > 0) return controller.error(new Error("broken"));
      controller.enqueue(encoder.encode("one\ntwo"));
    },
  }, { highWaterMark: 0 });
  const reading = new OutputLines((line) => lines.push(line)).read(stream);
  await assertRejects(() => reading, Error);
  assertEquals(lines, ["one", "two"]);
});
