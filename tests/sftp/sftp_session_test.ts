/** What an SFTP session answers, request by request. */
import { silentLogger } from "../../src/logger.ts";
import {
  OpenFlag,
  Packet,
  Status,
} from "../../src/sftp/protocol/sftp_protocol.ts";
import { SharedFolders } from "../../src/sftp/files/shared_folders.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { THOROUGH } from "../thorough.ts";
import {
  attributes,
  handleOf,
  namesOf,
  SftpClient,
  string,
  uint32,
} from "./sftp_client.ts";
import { TemporaryFolder } from "./files/temporary_folder.ts";
import { init } from "./sftp_requests.ts";

const { write: WRITE, creat: CREAT } = OpenFlag;

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

Deno.test("SftpSession refuses unknown requests and stays usable", async () => {
  await using folder = await TemporaryFolder.create();
  await using client = await SftpClient.start(folder.folders);

  for (const type of [0, 2, 21, 99, 104, 199, 201, 255]) {
    assertEquals(await client.status(type, string("x")), Status.opUnsupported);
  }
  const reply = await client.extended("copy-everything@example.com");
  assertEquals(reply.body.uint32(), Status.opUnsupported);
  await client.stat(folder.path);
});

Deno.test("SftpSession reports what failed, and no path of this machine", async () => {
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
    "SftpSession logs the missing permission, without control characters, and once",
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
    for (let i = 0; i < 3; i++) {
      assertEquals(
        await client.status(Packet.mkdir, path, attributes()),
        Status.permissionDenied,
      );
    }
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0]!, /^Deno may not .* write access [^\p{C}]*$/u);
  },
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

const entries = THOROUGH ? 12_000 : 3000;
Deno.test(`SftpSession lists ${entries} entries, each once, in packets that clients take`, async () => {
  await using folder = await TemporaryFolder.create();
  const names = Array.from({ length: entries }, (_, i) => `entry ${i} é`);
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
