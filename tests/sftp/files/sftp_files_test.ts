import { silentLogger } from "../../../src/logger.ts";
import { SftpFiles } from "../../../src/sftp/files/sftp_files.ts";
import { MAX_HANDLES } from "../../../src/sftp/files/open_handles.ts";
import { OpenFlag } from "../../../src/sftp/protocol/sftp_protocol.ts";
import {
  assert,
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

/** Everything that can be done with one path. */
const actions: Record<
  string,
  (files: SftpFiles, path: string) => Promise<unknown>
> = {
  "open to read": (files, path) => files.open(path, READ, {}),
  "open to write": (files, path) => files.open(path, WRITE, {}),
  "open to append": (files, path) => files.open(path, APPEND, {}),
  "open to truncate": (files, path) => files.open(path, WRITE | TRUNC, {}),
  create: (files, path) => files.open(path, WRITE | CREAT, {}),
  "create anew": (files, path) => files.open(path, WRITE | CREAT | EXCL, {}),
  openDirectory: (files, path) => files.openDirectory(path),
  stat: (files, path) => files.stat(path),
  lstat: (files, path) => files.lstat(path),
  "set size": (files, path) => files.setAttributes(path, { size: 1 }),
  "set permissions": (files, path) =>
    files.setAttributes(path, { permissions: 0o777 }),
  "set times": (files, path) =>
    files.setAttributes(path, { times: { accessed: 1, modified: 1 } }),
  "set owner": (files, path) =>
    files.setAttributes(path, { owner: { uid: 1, gid: 1 } }),
  remove: (files, path) => files.remove(path),
  makeDirectory: (files, path) => files.makeDirectory(path, {}),
  removeDirectory: (files, path) => files.removeDirectory(path),
  "rename from": (files, path) => files.rename(path, "stolen"),
  "rename to": (files, path) => files.rename("file", path),
  "replace from": (files, path) => files.replace(path, "stolen"),
  "replace to": (files, path) => files.replace("file", path),
  "link from": (files, path) => files.link(path, "stolen"),
  "link to": (files, path) => files.link("file", path),
  "symlink at": (files, path) => files.symlink("file", path),
  readLink: (files, path) => files.readLink(path),
  realPath: (files, path) => files.realPath(path),
  space: (files, path) => files.space(path),
};

Deno.test("SftpFiles does nothing outside", async (t) => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await folder.write("file", "file");
  await Deno.symlink(folder.outside, folder.in("out"));
  await Deno.symlink("../outside/secret", folder.in("out-file"));
  await Deno.symlink("../outside/new", folder.in("out-new"));
  const before = await folder.outsideState();
  const escapes = (name: string) => [
    `${folder.outside}/${name}`,
    `${folder.path}/../outside/${name}`,
    `../outside/${name}`,
    folder.in("out", name),
  ];

  for (const [action, act] of Object.entries(actions)) {
    await t.step(action, async () => {
      for (const name of ["secret", "directory", "new", ""]) {
        for (const path of escapes(name)) {
          // The link itself, which is inside.
          if (path === folder.in("out")) continue;
          await assertRejects(() => act(files, path), PermissionDenied);
        }
      }
      assertEquals(await folder.outsideState(), before);
    });
  }

  await t.step("through a link, be there something or not", async () => {
    const following = [
      "open to read",
      "open to write",
      "open to truncate",
      "create",
      "openDirectory",
      "stat",
      "set size",
      "set permissions",
      "set times",
      "set owner",
      "realPath",
      "space",
    ];
    for (const link of ["out-file", "out-new"]) {
      for (const action of following) {
        await assertRejects(
          () => actions[action]!(files, folder.in(link)),
          PermissionDenied,
        );
      }
      const anew = () => actions["create anew"]!(files, folder.in(link));
      await assertRejects(anew, AlreadyExists);
    }
    assertEquals(await folder.outsideState(), before);
  });

  assertEquals(await Deno.readTextFile(folder.in("file")), "file");
});

Deno.test("SftpFiles shows and removes a link that leads outside", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await Deno.symlink(folder.outside, folder.in("out"));

  assert((await files.lstat("out")).isSymlink);
  assertEquals(await files.readLink("out"), folder.outside);
  await files.remove("out");
  await assertRejects(() => files.lstat("out"), NotFound);
});

Deno.test("SftpFiles changes nothing in a read-only folder", async (t) => {
  await using folder = await TemporaryFolder.create({ readOnly: true });
  using files = new SftpFiles(folder.folders);
  const file = await folder.write("file", "file");
  await Deno.mkdir(folder.in("directory"));
  const before = await Deno.stat(file);
  const allowed = [
    "open to read",
    "openDirectory",
    "stat",
    "lstat",
    "readLink",
    "realPath",
    "space",
  ];

  for (const [action, act] of Object.entries(actions)) {
    if (allowed.includes(action)) continue;
    await t.step(action, async () => {
      for (
        const path of ["file", "directory", "new"].map((it) => folder.in(it))
      ) {
        // What is not there cannot be opened either.
        const error = await assertRejects(() => act(files, path), Error);
        if (path !== folder.in("new")) {
          assert(
            error instanceof PermissionDenied ||
              error instanceof Deno.errors.IsADirectory,
          );
        } else {assert(
            error instanceof PermissionDenied || error instanceof NotFound,
          );}
      }
    });
  }

  const handle = await files.open(file, READ, {});
  await assertRejects(
    () => files.write(handle, 0, bytes("x")),
    PermissionDenied,
  );
  assertThrows(
    () => files.setOpenAttributes(handle, { permissions: 0o777 }),
    PermissionDenied,
  );
  assertEquals(await Deno.readTextFile(file), "file");
  const { mode, mtime, ctime } = await Deno.stat(file);
  assertEquals([mode, mtime, ctime], [before.mode, before.mtime, before.ctime]);
  assertEquals((await files.space(file)).readOnly, true);
});

Deno.test("SftpFiles.link() and rename() take nothing out of a read-only folder", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await Deno.mkdir(folder.in("fixed"));
  await folder.write("fixed/file", "fixed");
  await folder.folders.add({ path: folder.in("fixed"), readOnly: true });

  for (const act of [files.link, files.rename, files.replace]) {
    await assertRejects(
      () => act.call(files, "fixed/file", "free"),
      PermissionDenied,
    );
    await assertRejects(
      () => act.call(files, "fixed", "free"),
      PermissionDenied,
    );
  }
  await assertRejects(() => files.removeDirectory("fixed"), PermissionDenied);
});

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

Deno.test("SftpFiles: a link that was moved until it leads outside cannot be followed", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await files.makeDirectory("a", {});
  await files.symlink("../outside/secret", "a/link"); // inside, as long as it is in "a"
  await files.rename("a/link", "link");

  await assertRejects(() => files.open("link", READ, {}), PermissionDenied);
  await assertRejects(() => files.stat("link"), PermissionDenied);
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

Deno.test("SftpFiles.readDirectory() does not look where the directory was", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await Deno.mkdir(folder.in("directory"));
  await folder.write("directory/secret", "");
  const handle = await files.openDirectory("directory");

  await Deno.rename(folder.in("directory"), folder.in("moved"));
  await assertRejects(() => files.readDirectory(handle, 10), NotFound);
  await Deno.symlink(folder.outside, folder.in("directory"));
  await assertRejects(() => files.readDirectory(handle, 10), NotFound);
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

Deno.test("SftpFiles tells of files that a client has completed, and of no other", async () => {
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

Deno.test("SftpFiles: two clients cannot race each other out of the folder", async () => {
  await using folder = await TemporaryFolder.create();
  using swapper = new SftpFiles(folder.folders);
  using reader = new SftpFiles(folder.folders);
  await Deno.mkdir(folder.in("inside"));
  await folder.write("inside/secret", "inside");
  await Deno.symlink(folder.outside, folder.in("outside"));

  let swapping = true;
  const swap = async () => {
    while (swapping) {
      await swapper.rename("inside", "path");
      await swapper.rename("path", "inside");
      await swapper.rename("outside", "path");
      await swapper.rename("path", "outside");
    }
  };
  const read = async () => {
    const room = new Uint8Array(6);
    let reads = 0;
    for (let i = 0; i < 2000; i++) {
      try {
        const handle = await reader.open("path/secret", READ, {});
        await reader.read(handle, 0, room);
        reader.close(handle);
        assertEquals(new TextDecoder().decode(room), "inside");
        reads++;
      } catch (error) {
        if (!(error instanceof NotFound || error instanceof PermissionDenied)) {
          throw error;
        }
      }
    }
    assert(reads > 0, "it never was there to read");
  };
  await Promise.all([swap(), read().finally(() => swapping = false)]);
});
