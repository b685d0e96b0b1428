import { RForwardError } from "../../../src/errors.ts";
import {
  PacketQueue,
  PacketSplitter,
} from "../../../src/ssh/sftp/packet_queue.ts";
import { MAX_PACKET } from "../../../src/ssh/sftp/sftp_protocol.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { within } from "../../within.ts";
import { concat, string, uint32 } from "./sftp_client.ts";

Deno.test("PacketSplitter.split() puts packets together, however they are cut", () => {
  const packets = [1, 2, 3, 4, 5, 70, 1000, MAX_PACKET].map((length, i) =>
    new Uint8Array(length).fill(i + 1)
  );
  const whole = concat(...packets.map(string));
  for (const size of [1, 2, 3, 4, 5, 7, 64, 1001, 32768, whole.length]) {
    const splitter = new PacketSplitter();
    const found: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size) {
      found.push(...splitter.split(whole.slice(at, at + size)));
    }
    assertEquals(found.length, packets.length);
    found.forEach((packet, i) => assertEquals(packet, packets[i]));
  }
});

Deno.test("PacketSplitter.split() refuses lengths that no client sends", () => {
  for (const length of [0, MAX_PACKET + 1, 2 ** 32 - 1]) {
    for (const size of [4, 1]) {
      const splitter = new PacketSplitter();
      const bytes = uint32(length);
      const error = assertThrows(() => {
        for (let at = 0; at < 4; at += size) {
          Array.from(splitter.split(bytes.subarray(at, at + size)));
        }
      }, RForwardError);
      assertEquals(error.code, "protocol-error");
    }
  }
});

/** A stream that is fed by hand. */
function feed() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const cancelled = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array>({
    start: (it) => void (controller = it),
    cancel: () => cancelled.resolve(),
  }, { highWaterMark: 0 });
  return { stream, controller, cancelled: cancelled.promise };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("PacketQueue.take() takes all that is there, and waits for the first", async () => {
  const { stream, controller } = feed();
  using queue = new PacketQueue(stream);
  const first = queue.take();
  await turn();
  controller.enqueue(concat(string("ab"), string("c"), uint32(2)));
  assertEquals((await first).length, 2);
  assert(queue.empty);

  controller.enqueue(new TextEncoder().encode("d"));
  controller.enqueue(concat(new TextEncoder().encode("e"), string("f")));
  await turn();
  assert(!queue.empty);
  assertEquals(
    (await queue.take()).map((packet) => new TextDecoder().decode(packet)),
    ["de", "f"],
  );

  controller.enqueue(uint32(3)); // a packet that never comes whole
  controller.close();
  assertEquals(await queue.take(), []);
  assertEquals(await queue.take(), []);
});

Deno.test("PacketQueue reads no further than it has to", async () => {
  let sent = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(string(new Uint8Array(32 * 1024)));
      sent++;
    },
  }, { highWaterMark: 0 });
  using queue = new PacketQueue(stream);
  await turn();
  await turn();
  assertEquals(sent, 9); // the first that is beyond 256 KiB is the last
  assertEquals((await queue.take()).length, 9);
  await turn();
  await turn();
  assertEquals(sent, 18);
});

Deno.test("PacketQueue.take() gives what was good, then the error", async () => {
  const { stream, controller, cancelled } = feed();
  using queue = new PacketQueue(stream);
  controller.enqueue(string("good"));
  await turn();
  controller.enqueue(uint32(0));
  await within(1000, "the stream's end", cancelled);
  assertEquals((await queue.take()).length, 1);
  await assertRejects(() => queue.take(), RForwardError);
});

Deno.test("PacketQueue cancels what it reads when it is disposed while it holds back", async () => {
  const { stream, controller, cancelled } = feed();
  {
    using queue = new PacketQueue(stream);
    controller.enqueue(string(new Uint8Array(200_000)));
    controller.enqueue(string(new Uint8Array(200_000)));
    await turn();
    assert(!queue.empty);
  }
  await within(1000, "cancelling", cancelled);
});
