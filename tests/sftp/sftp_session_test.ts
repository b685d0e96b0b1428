import { RForwardError } from "../../src/errors.ts";
import { silentLogger } from "../../src/logger.ts";
import {
  MAX_DATA,
  MAX_PACKET,
  OpenFlag,
  Packet,
  Status,
} from "../../src/sftp/protocol/sftp_protocol.ts";
import { SftpSession } from "../../src/sftp/sftp_session.ts";
import { SharedFolders } from "../../src/sftp/files/shared_folders.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { byteStream } from "../streams/byte_stream.ts";
import { within } from "../within.ts";
import {
  attributes,
  concat,
  handleOf,
  namesOf,
  packet,
  SftpClient,
  string,
  uint32,
  uint64,
} from "./sftp_client.ts";
import { TemporaryFolder } from "./files/temporary_folder.ts";

const { read: READ, write: WRITE, creat: CREAT } = OpenFlag;

/** Ends a session that was sent something, and returns how it ended. */
async function endOf(...sent: Uint8Array[]): Promise<RForwardError> {
  await using folder = await TemporaryFolder.create();
  await using client = new SftpClient(folder.folders);
  // Later bytes may find the session gone.
  for (const bytes of sent) client.send(bytes).catch(() => {});
  return await assertRejects(
    () => within(5000, "the session's end", client.ended),
    RForwardError,
  );
}

const init = (version: number) => packet(Packet.init, uint32(version));

Deno.test("SftpSession answers INIT with version 3 and its extensions", async () => {
  await using folder = await TemporaryFolder.create();
  for (const version of [3, 6]) {
    await using client = new SftpClient(folder.folders);
    const reply = client.reply(3);
    await client.send(init(version));
    const { body } = await reply;
    const extensions = Array.from(
      { length: 6 },
      () => `${body.text()} ${body.text()}`,
    );
    assertEquals(extensions, [
      "posix-rename@openssh.com 1",
      "statvfs@openssh.com 2",
      "fstatvfs@openssh.com 2",
      "hardlink@openssh.com 1",
      "fsync@openssh.com 1",
      "limits@openssh.com 1",
    ]);
  }
});

Deno.test("SftpSession ends when it is not spoken to in SFTP", async (t) => {
  const noise = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  const cases: Record<string, Uint8Array[]> = {
    "no INIT first": [packet(Packet.stat, uint32(1), string("/"))],
    "a transfer first": [
      packet(
        Packet.read,
        uint32(1),
        string(uint32(1)),
        uint64(0),
        uint32(1),
      ),
    ],
    "version 2": [init(2)],
    "a short INIT": [packet(Packet.init, Uint8Array.of(0, 0))],
    "a length of 0": [init(3), uint32(0)],
    "a length beyond the limit": [init(3), uint32(MAX_PACKET + 1)],
    "a request without a number": [init(3), packet(Packet.stat)],
    "another protocol": [noise],
  };
  for (const [name, sent] of Object.entries(cases)) {
    await t.step(name, async () => {
      assertEquals((await endOf(...sent)).code, "protocol-error");
    });
  }
});

Deno.test("SftpSession refuses what it does not know and goes on", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);

  for (const type of [0, 2, 21, 99, 104, 199, 201, 255]) {
    assertEquals(await client.status(type, string("x")), Status.opUnsupported);
  }
  const reply = await client.extended("copy-everything@example.com");
  assertEquals(reply.body.uint32(), Status.opUnsupported);
  await client.stat(folder.path);
});

/** Good requests of every kind, in a folder with a file, for a handle of it. */
function requests(path: string, handle: Uint8Array): [number, Uint8Array][] {
  const file = string(`${path}/file`);
  const open = string(handle);
  const extended = (name: string, ...fields: Uint8Array[]) =>
    [Packet.extended, concat(string(name), ...fields)] as [number, Uint8Array];
  return [
    [Packet.open, concat(file, uint32(READ), attributes())],
    [Packet.read, concat(open, uint64(0), uint32(4))],
    [Packet.write, concat(open, uint64(0), string("text"))],
    [Packet.lstat, file],
    [Packet.fstat, open],
    [
      Packet.setstat,
      concat(
        file,
        attributes({ size: 4, times: { accessed: 1, modified: 1 } }),
      ),
    ],
    [Packet.fsetstat, concat(open, attributes({ permissions: 0o600 }))],
    [Packet.opendir, string(path)],
    [Packet.readdir, open],
    [Packet.remove, string(`${path}/gone`)],
    [Packet.mkdir, concat(string(path), attributes({ permissions: 0o700 }))],
    [Packet.rmdir, string(`${path}/gone`)],
    [Packet.realpath, file],
    [Packet.stat, file],
    [Packet.rename, concat(string(`${path}/gone`), string(`${path}/gone2`))],
    [Packet.readlink, file],
    [Packet.symlink, concat(string("file"), file)],
    extended(
      "posix-rename@openssh.com",
      string(`${path}/gone`),
      string(`${path}/gone2`),
    ),
    extended("statvfs@openssh.com", file),
    extended("fstatvfs@openssh.com", open),
    extended("hardlink@openssh.com", file, file),
    extended("fsync@openssh.com", open),
    extended("limits@openssh.com"),
  ];
}

Deno.test("SftpSession answers a packet that ends too early with BAD_MESSAGE", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write("file", "text");
  await using client = await SftpClient.start(folder.folders);
  const handle = await client.open(folder.in("file"), READ | WRITE);

  for (const [type, fields] of requests(folder.path, handle)) {
    const whole = await client.request(type, fields);
    if (whole.type === Packet.status) {
      assert(whole.body.uint32() !== Status.badMessage, `type ${type}`);
    }
    for (let length = 0; length < fields.length; length++) {
      assertEquals(
        await client.status(type, fields.subarray(0, length)),
        Status.badMessage,
        `type ${type} with ${length} of ${fields.length} bytes`,
      );
    }
  }
});

Deno.test("SftpSession answers or ends, whatever comes", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write("file", "text");
  const before = await folder.outsideState();
  const random = seeded(20261122);
  let answered = 0;
  for (let round = 0; round < 40; round++) {
    // Whatever mode the last round has set; it means nothing to root alone.
    await Deno.chmod(folder.path, 0o700);
    await Deno.chmod(folder.in("file"), 0o600);
    await using client = await SftpClient.start(folder.folders);
    const handle = await client.open(folder.in("file"), READ | WRITE);
    for (let i = 0; i < 50; i++) {
      const all = requests(folder.path, handle);
      const [type, good] = all[random(all.length)]!;
      const fields = good.slice();
      for (let n = random(4); n >= 0 && fields.length > 0; n--) {
        fields[random(fields.length)] = random(256);
      }
      const reply = await within(5000, "a reply", client.request(type, fields))
        .catch((error) => {
          assert(String(error).includes("session ended"), String(error));
        });
      if (!reply) break;
      answered++;
    }
    // Sometimes the length is wrong too: what follows is read as something else.
    const lost = packet(Packet.stat, uint32(0), string("x"));
    lost[3] = random(256);
    client.send(lost).catch(() => {});
  }
  assert(answered > 1000);
  assertEquals(await folder.outsideState(), before);
});

Deno.test("SftpSession refuses names that are not text", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);
  const path = new TextEncoder().encode(`${folder.path}/`);

  const withTail = (...tail: number[]) =>
    string(concat(path, Uint8Array.from(tail)));
  const zero = withTail(0);
  assertEquals(await client.status(Packet.stat, zero), Status.badMessage);
  for (const tail of [[0xff], [0xc3], [0xed, 0xa0, 0x80]]) {
    const name = withTail(...tail);
    assertEquals(await client.status(Packet.stat, name), Status.opUnsupported);
  }
  const long = string(`${folder.path}/${"x".repeat(5000)}`);
  assertEquals(await client.status(Packet.stat, long), Status.badMessage);
  // What looks like a byte order mark belongs to the name.
  const handle = await client.open(folder.in("\ufeffname"), WRITE | CREAT);
  await client.close(handle);
  assertEquals([...Deno.readDirSync(folder.path)].map((it) => it.name), [
    "\ufeffname",
  ]);
});

Deno.test("SftpSession tells what failed, and no path of this machine", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.in("directory"));
  await folder.write("directory/file", "");
  await using client = await SftpClient.start(folder.folders);
  const cases: [number, Uint8Array, number, string][] = [
    [Packet.stat, string("x"), Status.noSuchFile, "No such file (ENOENT)"],
    [Packet.stat, string("directory/file/x"), Status.noSuchFile, "(ENOTDIR)"],
    [
      Packet.stat,
      string(folder.outside),
      Status.permissionDenied,
      "Permission denied",
    ],
    [Packet.rmdir, string("directory"), Status.failure, "Failure (ENOTEMPTY)"],
    [Packet.remove, string("directory"), Status.failure, "Failure"],
  ];
  for (const [type, fields, code, text] of cases) {
    const { body } = await client.request(type, fields);
    assertEquals(body.uint32(), code);
    const message = body.text();
    assert(message.includes(text), message);
    assert(!message.includes("/"), message);
  }
});

Deno.test({
  name:
    "SftpSession tells which permission Deno lacks, and nothing to a terminal",
  permissions: { read: true },
  async fn() {
    const folders = new SharedFolders();
    await folders.add({ path: "/tmp" });
    const warnings: string[] = [];
    await using client = new SftpClient(folders, {
      ...silentLogger,
      warn: (message) => warnings.push(message),
    });
    const version = client.reply(3);
    await client.send(init(3));
    await version;

    const path = string("/tmp/\x1b[2J\x9b2J\u202e");
    assertEquals(
      await client.status(Packet.mkdir, path, attributes()),
      Status.permissionDenied,
    );
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0]!, /^Deno may not .* write access [^\p{C}]*$/u);
  },
});

Deno.test("SftpSession: requests have the effect that they have one after the other", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);
  const handle = await client.open(folder.in("file"), READ | WRITE | CREAT);
  const random = seeded(7);
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

Deno.test("SftpSession knows a file that was created by the request before", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);
  for (let i = 0; i < 20; i++) {
    const path = string(folder.in(`file ${i}`));
    // As sshfs does it: the second is sent before the first is answered.
    const [opened, stat] = await Promise.all([
      client.request(Packet.open, path, uint32(WRITE | CREAT), attributes()),
      client.request(Packet.lstat, path),
    ]);
    assertEquals(stat.type, Packet.attrs);
    await client.close(handleOf(opened));
  }
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

Deno.test("SftpSession lists 12000 entries, each once, in packets that clients take", async () => {
  await using folder = await TemporaryFolder.create();
  const names = Array.from({ length: 12_000 }, (_, i) => `entry ${i} é`);
  for (const name of names) Deno.writeTextFileSync(folder.in(name), "");
  await using client = await SftpClient.start(folder.folders);

  const lists = await client.list(folder.path);
  assert(lists.every((list) => list.length <= 100));
  assertEquals(lists.flat().sort(), [".", "..", ...names].sort());
});

Deno.test("SftpSession answers paths, links and space", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);
  const { path } = folder;

  assertEquals(
    await client.status(Packet.symlink, string("target"), string("link")),
    Status.ok,
  );
  const target = await client.request(Packet.readlink, string(`${path}/link`));
  assertEquals(namesOf(target.body), ["target"]);
  assertEquals(await Deno.readLink(folder.in("link")), "target");
  const real = await client.request(Packet.realpath, string("."));
  assertEquals(namesOf(real.body), [path]);

  const { type, body } = await client.extended(
    "statvfs@openssh.com",
    string(path),
  );
  assertEquals(type, Packet.extendedReply);
  const numbers = Array.from({ length: 11 }, () => body.uint64());
  const [blockSize = 0, , blocks = 0, free = 0, available = 0] = numbers;
  assert(blockSize >= 512 && blocks > free && free >= available);
  assertEquals(numbers.slice(8), [0, 2, 255]);
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
    .run(byteStream(input), output.getWriter());

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
        .run(byteStream(input), output.getWriter()),
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

/** Whole numbers below `limit` that are the same in every run (xorshift32). */
function seeded(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
