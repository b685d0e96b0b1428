/** SftpFiles reaches nothing outside of its folders and changes nothing in read-only ones. */
import { SftpFiles } from "../../../src/sftp/files/sftp_files.ts";
import { OpenFlag } from "../../../src/sftp/protocol/sftp_protocol.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const { PermissionDenied, NotFound, AlreadyExists } = Deno.errors;

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

Deno.test("SftpFiles: a link that was moved until it leads outside cannot be followed", async () => {
  await using folder = await TemporaryFolder.create();
  using files = new SftpFiles(folder.folders);
  await files.makeDirectory("a", {});
  await files.symlink("../outside/secret", "a/link"); // inside, as long as it is in "a"
  await files.rename("a/link", "link");

  await assertRejects(() => files.open("link", READ, {}), PermissionDenied);
  await assertRejects(() => files.stat("link"), PermissionDenied);
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
