/** The attributes that SftpFiles sets. */
import { SftpFiles } from "../../../src/sftp/files/sftp_files.ts";
import { OpenFlag } from "../../../src/sftp/protocol/sftp_protocol.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const { PermissionDenied, NotFound } = Deno.errors;

const {
  read: READ,
  write: WRITE,
  creat: CREAT,
} = OpenFlag;

Deno.test("SftpFiles.setAttributes() sets what is given and nothing else", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("file", "0123456789");
  await Deno.symlink("file", folder.in("link"));
  const stat = () => Deno.stat(folder.in("file"));

  await files.setAttributes("link", { size: 4 });
  assertEquals((await stat()).size, 4);
  await files.setAttributes("file", {
    times: { accessed: 1000, modified: 2000 },
  });
  assertEquals((await stat()).mtime, new Date(2_000_000));
  assertEquals((await stat()).atime, new Date(1_000_000));
  await files.setAttributes("file", { permissions: 0o640 });
  assertEquals(((await stat()).mode ?? 0) & 0o7777, 0o640);
  assertEquals((await stat()).mtime, new Date(2_000_000));
});

Deno.test("SftpFiles.setOpenAttributes() sets them on the open file", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("file", "0123456789");
  const handle = await files.open("file", READ | WRITE, {});

  await files.setOpenAttributes(handle, {
    size: 3,
    permissions: 0o604,
    times: { accessed: 1, modified: 2 },
  });
  const { size, mode, mtime } = await Deno.stat(folder.in("file"));
  assertEquals([size, (mode ?? 0) & 0o777, mtime], [3, 0o604, new Date(2000)]);

  const reading = await files.open("file", READ, {});
  await assertRejects(
    () => files.setOpenAttributes(reading, { size: 0 }),
    PermissionDenied,
  );
});

Deno.test("SftpFiles.setOpenAttributes() never sets another file's mode", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("file", "");
  const handle = await files.open("file", READ | WRITE, {});

  await files.rename("file", "moved");
  await assertRejects(
    () => files.setOpenAttributes(handle, { permissions: 0o777 }),
    NotFound,
  );
  const other = await folder.write("file", "");
  await Deno.chmod(other, 0o600);
  await assertRejects(
    () => files.setOpenAttributes(handle, { permissions: 0o777 }),
    NotFound,
  );
  assertEquals(((await Deno.stat(other)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("SftpFiles sets no set-user-ID and set-group-ID bits of files, whichever way", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  const mode = async (name: string) =>
    ((await Deno.stat(folder.in(name))).mode ?? 0) & 0o7777;

  for (const permissions of [0o6755, 0o4755, 0o2755]) {
    const name = `${permissions}`;
    const handle = await files.open(name, WRITE | CREAT, { permissions });
    assertEquals(await mode(name), 0o755);
    await files.setAttributes(name, { permissions });
    assertEquals(await mode(name), 0o755);
    await files.setOpenAttributes(handle, { permissions });
    assertEquals(await mode(name), 0o755);
    await Deno.symlink(folder.in(name), folder.in(`link ${name}`));
    await files.setAttributes(`link ${name}`, { permissions });
    assertEquals(await mode(name), 0o755);
  }
  // The sticky bit gives no rights.
  await files.setAttributes(`${0o6755}`, { permissions: 0o7755 });
  assertEquals(await mode(`${0o6755}`), 0o1755);
});

Deno.test("SftpFiles keeps a directory's set-group-ID and sticky bits, and sets no set-user-ID bit", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  const mode = async (name: string) =>
    ((await Deno.stat(folder.in(name))).mode ?? 0) & 0o7777;

  await files.makeDirectory("a", { permissions: 0o5755 });
  assertEquals(await mode("a") & 0o4000, 0);
  await files.setAttributes("a", { permissions: 0o7775 });
  assertEquals(await mode("a"), 0o3775);
  await files.setAttributes("a", { permissions: 0o755 });
  assertEquals(await mode("a"), 0o755);
});
