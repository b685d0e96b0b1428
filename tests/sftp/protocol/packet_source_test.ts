import { RForwardError } from "../../../src/errors.ts";
import { PacketSource } from "../../../src/sftp/protocol/packet_source.ts";
import { MAX_PACKET } from "../../../src/sftp/protocol/sftp_protocol.ts";
import { StreamSource } from "../../../src/streams/stream_source.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { concat, string, uint32 } from "../sftp_client.ts";

/** What a client sends, cut into pieces. */
function sent(pieces: Iterable<Uint8Array>): PacketSource {
  return new PacketSource(new StreamSource(ReadableStream.from(pieces)));
}

/** Takes packets until there are no more; copies them, as the next call overwrites them. */
async function takeAll(source: PacketSource): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (let packets; (packets = await source.take()).length > 0;) {
    all.push(...packets.map((packet) => packet.slice()));
  }
  return all;
}

function* cut(bytes: Uint8Array, size: number): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.slice(at, at + size);
  }
}

Deno.test("packetSource.take() puts packets together, however they are cut", async () => {
  const packets = [1, 2, 3, 4, 5, 70, 1000, MAX_PACKET, 9, MAX_PACKET].map(
    (length, i) => new Uint8Array(length).fill(i + 1),
  );
  const whole = concat(...packets.map(string));
  for (const size of [1, 2, 3, 4, 5, 7, 64, 1001, 32768, whole.length]) {
    // The large ones in single bytes would take long.
    const few = size < 64 ? packets.slice(0, 7) : packets;
    const bytes = size < 64 ? concat(...few.map(string)) : whole;
    const found = await takeAll(sent(cut(bytes, size)));
    assertEquals(found.length, few.length);
    found.forEach((packet, i) => assertEquals(packet, few[i]));
  }
});

Deno.test("packetSource.take() waits for the first packet and takes all that have arrived", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const source = new PacketSource(new StreamSource(readable));
  const first = source.take();
  await writer.write(concat(string("ab"), string("c"), uint32(2)));
  assertEquals((await first).length, 2);

  const second = source.take();
  await writer.write(new TextEncoder().encode("d"));
  await writer.write(concat(new TextEncoder().encode("e"), string("f")));
  assertEquals(
    (await second).map((packet) => new TextDecoder().decode(packet)),
    ["de", "f"],
  );

  const last = source.take();
  await writer.write(uint32(3)); // a packet that never comes whole
  await writer.close();
  assertEquals(await last, []);
  assertEquals(await source.take(), []);
});

Deno.test("packetSource.take() reads nothing before it is called, and then no more than it has room for", async () => {
  // More than its buffer takes, and lent once: it is overwritten at the next call.
  const packet = string(new Uint8Array(16_380).fill(7));
  const lent = concat(...Array.from({ length: 100 }, () => packet));
  let calls = 0;
  const source = new PacketSource({
    lend() {
      calls++;
      if (calls > 1) lent.fill(0);
      return calls > 1 ? null : lent;
    },
    cancel() {},
  });
  assertEquals(calls, 0);
  const first = await source.take();
  assertEquals(first.length, Math.floor(2 * (MAX_PACKET + 4) / packet.length));
  const all = [...first.map((it) => it.slice()), ...await takeAll(source)];
  assertEquals(all.length, 100);
  for (const it of all) assertEquals(it, packet.subarray(4));
  assertEquals(calls, 2);
});

Deno.test("packetSource.take() takes all that its source has, and does not wait for more", async () => {
  const pieces = ["a", "b", "c"].map(string);
  const more = Promise.withResolvers<null>();
  let asked = 0;
  const source = new PacketSource({
    get isReady() {
      return pieces.length > 0;
    },
    lend() {
      asked++;
      return pieces.shift() ?? more.promise;
    },
    cancel() {},
  });

  assertEquals((await source.take()).length, 3);
  assertEquals(asked, 3);
  const rest = source.take();
  more.resolve(null);
  assertEquals(await rest, []);
});

Deno.test("packetSource.take() refuses lengths that no client sends", async () => {
  for (const length of [0, MAX_PACKET + 1, 2 ** 32 - 1]) {
    for (const size of [4, 1]) {
      const source = sent(cut(uint32(length), size));
      const error = await assertRejects(() => source.take(), RForwardError);
      assertEquals(error.code, "protocol-error");
    }
  }
});

Deno.test("packetSource.take() gives what was good, then the error", async () => {
  const source = sent([concat(string("good"), uint32(0))]);
  assertEquals((await source.take()).length, 1);
  await assertRejects(() => source.take(), RForwardError);
});

Deno.test("packetSource.take() rejects with the stream's error", async () => {
  const broken = new Error("broken");
  const source = new PacketSource(
    new StreamSource(
      new ReadableStream({
        start: (controller) => controller.error(broken),
      }),
    ),
  );
  assertEquals(await assertRejects(() => source.take(), Error), broken);
});
