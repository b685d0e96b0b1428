/** Input that an SFTP session cannot trust: broken packets, random bytes, names that are not text. */
import { RForwardError } from "../../src/errors.ts";
import {
  MAX_PACKET,
  OpenFlag,
  Packet,
  Status,
} from "../../src/sftp/protocol/sftp_protocol.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { randomNumbers } from "../random_numbers.ts";
import { within } from "../within.ts";
import {
  concat,
  packet,
  SftpClient,
  string,
  uint32,
  uint64,
} from "./sftp_client.ts";
import { TemporaryFolder } from "./files/temporary_folder.ts";
import { init, requests } from "./sftp_requests.ts";

const { read: READ, write: WRITE, creat: CREAT } = OpenFlag;

/** Ends a session that was sent something, and returns how it ended. */
async function endOf(...sent: Uint8Array[]): Promise<RForwardError> {
  await using folder = await TemporaryFolder.create();
  await using client = new SftpClient(folder.folders);
  // Later bytes may find the session gone.
  for (const bytes of sent) client.send(bytes).catch(() => {});
  return await assertRejects(
    () => within(10_000, "the session's end", client.ended),
    RForwardError,
  );
}

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
  const random = randomNumbers(20261122);
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
      const reply = await within(
        10_000,
        "a reply",
        client.request(type, fields),
      )
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
