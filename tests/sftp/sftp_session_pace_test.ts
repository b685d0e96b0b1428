/** Many requests at once: their order, their limits, and clients that do not take the replies. */
import { silentLogger } from "../../src/logger.ts";
import {
  MAX_DATA,
  MAX_PACKET,
  OpenFlag,
  Packet,
  Status,
} from "../../src/sftp/protocol/sftp_protocol.ts";
import { SftpSession } from "../../src/sftp/sftp_session.ts";
import { StreamSink } from "../../src/streams/stream_sink.ts";
import { StreamSource } from "../../src/streams/stream_source.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { randomNumbers } from "../random_numbers.ts";
import { within } from "../within.ts";
import {
  attributes,
  concat,
  packet,
  SftpClient,
  string,
  uint32,
  uint64,
} from "./sftp_client.ts";
import { TemporaryFolder } from "./files/temporary_folder.ts";
import { init } from "./sftp_requests.ts";

const { read: READ, write: WRITE, creat: CREAT } = OpenFlag;

Deno.test("SftpSession: requests have the effect that they have one after the other", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);
  const handle = await client.open(folder.in("file"), READ | WRITE | CREAT);
  const random = randomNumbers(7);
  const model = new Uint8Array(3000);
  let end = 0;
  const replies: Promise<void>[] = [];

  // Overlapping and neighbouring, and none is waited for.
  for (let i = 0, next = 0; i < 3000; i++) {
    const offset = random(3) > 0 ? next % 2000 : random(2000);
    const length = 1 + random(60);
    next = offset + length;
    if (random(2) === 0) {
      const data = new Uint8Array(length).fill(random(256));
      model.set(data, offset);
      end = Math.max(end, offset + length);
      replies.push(
        client.write(handle, offset, data)
          .then((status) => assertEquals(status, Status.ok)),
      );
    } else {
      const expected = offset < end
        ? model.slice(offset, Math.min(offset + length, end))
        : Status.eof;
      replies.push(
        client.read(handle, offset, length)
          .then((found) => assertEquals(found, expected, `request ${i}`)),
      );
    }
  }
  await Promise.all(replies);
});

Deno.test("SftpSession reads and writes up to its limits", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);
  const { body } = await client.extended("limits@openssh.com");
  assertEquals(
    [body.uint64(), body.uint64(), body.uint64(), body.uint64()],
    [MAX_PACKET, MAX_DATA, MAX_DATA, 1024],
  );

  const handle = await client.open(folder.in("file"), READ | WRITE | CREAT);
  const data = randomBytes(MAX_DATA);
  assertEquals(await client.write(handle, 0, data), Status.ok);
  assertEquals(await client.write(handle, MAX_DATA, data), Status.ok);
  assertEquals(await client.read(handle, 0, MAX_DATA), data);
  // More than the limit is cut, as a client has to expect.
  assertEquals(await client.read(handle, 0, 2 ** 32 - 1), data);
  assertEquals(await client.read(handle, 2 * MAX_DATA - 1, 10), data.slice(-1));
  assertEquals(await client.read(handle, 2 * MAX_DATA, 10), Status.eof);
  assertEquals(await client.read(handle, 0, 0), Status.eof);
});

Deno.test("SftpSession answers merged reads that the file ends in", async () => {
  await using folder = await TemporaryFolder.create();
  const data = randomBytes(10_000);
  await Deno.writeFile(folder.in("file"), data);
  await using client = await SftpClient.start(folder.folders);
  const handle = await client.open(folder.in("file"), READ);

  const found = await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.read(handle, i * 300, 300)),
  );
  found.forEach((part, i) =>
    assertEquals(
      part,
      i * 300 < data.length ? data.slice(i * 300, i * 300 + 300) : Status.eof,
    )
  );
});

Deno.test("SftpSession refuses every one of merged requests that fail", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);
  const missing = uint32(99);

  const statuses = await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.read(missing, i * 300, 300)),
  );
  assertEquals(new Set(statuses), new Set([Status.failure]));
});

Deno.test("SftpSession reads no further while its replies are not taken", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.writeFile(folder.in("file"), new Uint8Array(MAX_DATA));
  const gate = Promise.withResolvers<void>();
  let replied = 0;
  const output = new WritableStream<Uint8Array>({
    write(chunk) {
      replied += chunk.length;
      // The first two are VERSION and HANDLE.
      return replied > 1000 ? gate.promise : undefined;
    },
  });
  let sent = 0;
  const input = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent++;
      if (sent === 1) controller.enqueue(init(3));
      else if (sent === 2) {
        controller.enqueue(
          packet(
            Packet.open,
            uint32(0),
            string(folder.in("file")),
            uint32(READ),
            attributes(),
          ),
        );
      } else if (sent < 100_000) {
        const at = [string(uint32(1)), uint64(0), uint32(MAX_DATA)];
        controller.enqueue(packet(Packet.read, uint32(sent), ...at));
      } else controller.close();
    },
  }, { highWaterMark: 0 });
  const ended = new SftpSession(folder.folders, silentLogger)
    .run(new StreamSource(input), new StreamSink(output));

  // It stands still once it has replies that it cannot send.
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert(sent < 30_000, `${sent} requests were taken`);
  assert(replied < 2 * MAX_PACKET, `${replied} bytes were replied`);

  folder.folders.delete(folder.path); // the rest is refused, which is quick
  gate.resolve();
  await within(30_000, "the session's end", ended);
});

Deno.test("SftpSession closes all files when its replies can no longer be sent", async () => {
  await using folder = await TemporaryFolder.create();
  const output = new WritableStream<Uint8Array>({
    write(chunk) {
      if (chunk[4] === Packet.handle) throw new Error("the channel is closed");
    },
  });
  const open = (id: number) =>
    packet(
      Packet.open,
      uint32(id),
      string(folder.in(`file ${id}`)),
      uint32(WRITE | CREAT),
      attributes(),
    );
  const input = ReadableStream.from([
    concat(init(3), ...[1, 2, 3, 4, 5].map(open)),
  ]);

  // That no file stays open, the resource sanitizer sees to.
  await assertRejects(
    () =>
      new SftpSession(folder.folders, silentLogger)
        .run(new StreamSource(input), new StreamSink(output)),
    Error,
  );
});

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  return bytes;
}
