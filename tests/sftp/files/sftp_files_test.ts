/** What SftpFiles does with files and directories. */
import { silentLogger } from "../../../src/logger.ts";
import { SftpFiles } from "../../../src/sftp/files/sftp_files.ts";
import { MAX_HANDLES } from "../../../src/sftp/files/open_handles.ts";
import { OpenFlag } from "../../../src/sftp/protocol/sftp_protocol.ts";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { run } from "../../servers/run.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const { PermissionDenied, NotFound, AlreadyExists, BadResource } = Deno.errors;

const {
  read: READ,
  write: WRITE,
  append: APPEND,
  creat: CREAT,
  trunc: TRUNC,
  excl: EXCL,
} = OpenFlag;

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("SftpFiles.open() does as its flags say", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  const content = () => Deno.readTextFile(folder.in("file"));

  await assertRejects(() => files.open("file", READ, {}), NotFound);
  await assertRejects(() => files.open("file", WRITE | TRUNC, {}), NotFound);

  const created = await files.open("file", WRITE | CREAT | EXCL, {
    permissions: 0o600,
  });
  await files.write(created, 0, bytes("0123456789"));
  assertEquals(((await Deno.stat(folder.in("file"))).mode ?? 0) & 0o777, 0o600);
  await assertRejects(
    () => files.read(created, 0, new Uint8Array(1)),
    PermissionDenied,
  );

  await assertRejects(
    () => files.open("file", WRITE | CREAT | EXCL, {}),
    AlreadyExists,
  );
  const kept = await files.open("file", READ | WRITE | CREAT, {});
  await files.write(kept, 2, bytes("xx"));
  assertEquals(await content(), "01xx456789");

  const appending = await files.open("file", APPEND, {});
  await files.write(appending, 0, bytes("+"));
  assertEquals(await content(), "01xx456789+");

  const readOnly = await files.open("file", READ | CREAT, {});
  await assertRejects(
    () => files.write(readOnly, 0, bytes("x")),
    PermissionDenied,
  );
  const fresh = await files.open("fresh", READ | CREAT, {});
  await assertRejects(
    () => files.write(fresh, 0, bytes("x")),
    PermissionDenied,
  );

  await files.open("file", WRITE | CREAT | TRUNC, {});
  assertEquals(await content(), "");
  await Deno.writeTextFile(folder.in("file"), "again");
  const both = await files.open("file", APPEND | TRUNC, {});
  await files.write(both, 3, bytes("y"));
  assertEquals(await content(), "y");
});

Deno.test("SftpFiles.open() opens regular files only, and does not wait for a pipe", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await run("mkfifo", [folder.in("pipe")]);

  await assertRejects(() => files.open("pipe", READ, {}), PermissionDenied);
  await assertRejects(
    () => files.open("pipe", WRITE | TRUNC, {}),
    PermissionDenied,
  );
  await assertRejects(
    () => files.setAttributes("pipe", { size: 0 }),
    PermissionDenied,
  );
  await assertRejects(
    () => files.open(".", READ, {}),
    Deno.errors.IsADirectory,
  );
});

Deno.test("SftpFiles.read() and write() work at any offset", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  const handle = await files.open("file", READ | WRITE | CREAT, {});
  const room = new Uint8Array(10);

  await files.write(handle, 5, bytes("56789"));
  await files.write(handle, 0, bytes("01234"));

  assertEquals(await files.read(handle, 8, room), 2);
  assertEquals(await files.read(handle, 0, room), 10);
  assertEquals(room, bytes("0123456789"));
  assertEquals(await files.read(handle, 10, room), 0);
  assertEquals(await files.read(handle, 2 ** 40, room), 0);
  assertEquals((await files.fstat(handle)).size, 10);
  await files.sync(handle);
});

Deno.test("SftpFiles.rename() leaves what is there, replace() does not", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("a", "a");
  await folder.write("b", "b");
  await Deno.symlink("nowhere", folder.in("dangling"));

  await assertRejects(() => files.rename("a", "b"), AlreadyExists);
  await assertRejects(() => files.rename("a", "dangling"), AlreadyExists);
  assertEquals(await Deno.readTextFile(folder.in("b")), "b");

  await files.replace("a", "b");
  assertEquals(await Deno.readTextFile(folder.in("b")), "a");
  await files.rename("b", "c");
  assertEquals(await Deno.readTextFile(folder.in("c")), "a");
  await assertRejects(() => files.rename("b", "d"), NotFound);
});

Deno.test("SftpFiles.remove() takes files, removeDirectory() empty directories", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await files.makeDirectory("directory", { permissions: 0o700 });
  await folder.write("directory/file", "");
  await Deno.symlink("directory", folder.in("link"));

  await assertRejects(
    () => files.remove("directory"),
    Deno.errors.IsADirectory,
  );
  await assertRejects(() => files.removeDirectory("directory"), Error); // not empty
  await assertRejects(
    () => files.removeDirectory("link"),
    Deno.errors.NotADirectory,
  );
  await assertRejects(
    () => files.makeDirectory("directory", {}),
    AlreadyExists,
  );
  await files.remove("directory/file");
  await assertRejects(
    () => files.remove("directory"),
    Deno.errors.IsADirectory,
  );
  await files.remove("link");
  await files.removeDirectory("directory");
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("SftpFiles.symlink() makes links that stay inside", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("file", "content");
  await files.makeDirectory("directory", {});

  await files.symlink("../file", "directory/link");
  assertEquals(await files.readLink("directory/link"), "../file");
  assertEquals(await Deno.readTextFile(folder.in("directory/link")), "content");
  await files.symlink("not there yet", "dangling");
  for (const target of ["../../outside", folder.outside, "/etc/passwd", ".."]) {
    await assertRejects(() => files.symlink(target, "bad"), PermissionDenied);
  }
});

Deno.test("SftpFiles.link() gives files a second name, and no link", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("file", "content");
  await Deno.symlink("../outside/secret", folder.in("out"));

  await files.link("file", "second");
  assertEquals((await files.stat("second")).nlink, 2);
  await assertRejects(() => files.link("file", "second"), AlreadyExists);
  await assertRejects(() => files.link("out", "stolen"), PermissionDenied);
});

Deno.test("SftpFiles.realPath() knows what may be made", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await Deno.mkdir(folder.in("a"));
  await Deno.symlink("a", folder.in("link"));

  assertEquals(await files.realPath("."), folder.path);
  assertEquals(await files.realPath("link/new"), folder.in("a/new"));
  await assertRejects(() => files.realPath("new/new"), NotFound);
});

Deno.test("SftpFiles.readDirectory() gives each entry once, but those that are not UTF-8, of which it warns once", async () => {
  await using folder = await TemporaryFolder.create();
  const warnings: string[] = [];
  using files = new SftpFiles(folder.folders, {
    ...silentLogger,
    warn: (message) => warnings.push(message),
  });
  const names = [
    "a",
    "with blank",
    "ümläut",
    "'quote\"",
    "new\nline",
    "\u{1f600}",
  ];
  for (const name of names) await folder.write(name, name);
  for (const name of ["\\377", "caf\\351"]) {
    await run("sh", ["-c", `touch "${folder.path}/$(printf '${name}')"`]);
  }

  const handle = await files.openDirectory(folder.path);
  await Deno.remove(folder.in("a"));
  const found: string[] = [];
  while (true) {
    const entries = await files.readDirectory(handle, 3);
    if (entries.length === 0) break;
    for (const { name, info } of entries) {
      found.push(name);
      if (name === "." || name === "..") {
        assertEquals(info.ino, (await Deno.stat(folder.path)).ino);
      } else {
        assertEquals(info.size, bytes(name).length);
      }
    }
  }
  assertEquals(found.sort(), [".", "..", ...names.slice(1)].sort());
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0]!, /not UTF-8 cannot be served/);
});

Deno.test("SftpFiles refuses handles that do not exist, are closed, or of another kind", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  const file = await files.open("file", WRITE | CREAT, {});
  const directory = await files.openDirectory(".");

  assertThrows(() => files.close(12345), BadResource);
  assertThrows(() => files.fstat(0), BadResource);
  assertThrows(() => files.fstat(directory), Deno.errors.IsADirectory);
  assertThrows(() => files.readDirectory(file, 1), Deno.errors.NotADirectory);
  files.close(file);
  assertThrows(() => files.close(file), BadResource);
  assertThrows(() => files.write(file, 0, bytes("x")), BadResource);
});

Deno.test("SftpFiles opens no more than its limit", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("file", "");
  const handles: number[] = [];
  for (let i = 0; i < MAX_HANDLES; i++) {
    handles.push(await files.open("file", READ, {}));
  }

  assertEquals(new Set(handles).size, MAX_HANDLES);
  assertThrows(() => files.open("file", READ, {}), Deno.errors.Busy);
  assertThrows(() => files.openDirectory("."), Deno.errors.Busy);
  files.close(handles[7]!);
  await files.open("file", READ, {});
});

Deno.test("SftpFiles: what is open in a folder cannot be used once it is shared no longer", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  const file = await files.open("file", READ | WRITE | CREAT, {});
  const directory = await files.openDirectory(".");

  folder.folders.delete(folder.path);
  assertThrows(() => files.write(file, 0, bytes("x")), PermissionDenied);
  assertThrows(() => files.readDirectory(directory, 1), PermissionDenied);
  await folder.folders.add({ path: folder.path, readOnly: true });
  assertThrows(() => files.write(file, 0, bytes("x")), PermissionDenied);
  files.close(file);
  files.close(directory);
});

Deno.test("SftpFiles reports files that a client has completed, and no other", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders, path } = folder;
  const arrivals: string[] = [];
  await folders.add({ path, onArrival: (path) => void arrivals.push(path) });
  using files = new SftpFiles(folders);

  const written = await files.open("a", WRITE | CREAT, {});
  await files.write(written, 0, bytes("a"));
  assertEquals(arrivals, []);
  files.close(written);
  files.close(await files.open("a", READ, {}));
  files.close(await files.openDirectory("."));
  await files.rename("a", "b");
  await files.replace("b", "c");

  assertEquals(arrivals, [folder.in("a"), folder.in("b"), folder.in("c")]);
});
