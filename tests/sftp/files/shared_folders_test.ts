import { join } from "node:path";
import { ArgumentError } from "../../../src/errors.ts";
import { SharedFolders } from "../../../src/sftp/files/shared_folders.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const { PermissionDenied, NotFound } = Deno.errors;

Deno.test("SharedFolders.add() refuses what is no absolute path of a directory", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await folder.write("file", "");

  for (const path of ["", "relative", folder.in("missing"), file]) {
    const error = await assertRejects(
      () => folder.folders.add({ path }),
      ArgumentError,
    );
    assertEquals(error.argument, "path");
  }
});

Deno.test("SharedFolders.follow() leads to real paths inside", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders } = folder;
  const file = await folder.write("file", "");
  await Deno.symlink("file", folder.in("link"));
  await Deno.symlink(folder.path, folder.in("loop"));

  for (
    const path of [
      file,
      folder.in("link"),
      `${folder.path}//./x/../file`,
      folder.in("loop", "loop", "link"),
      "file", // relative to the first folder
    ]
  ) {
    assertEquals((await folders.follow(path)).path, file, path);
  }
  assertEquals((await folders.follow(".")).path, folder.path);
});

Deno.test("SharedFolders.follow() and name() refuse what is outside before they touch it", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders, outside, path } = folder;

  for (
    const escape of [
      outside,
      join(outside, "secret"),
      join(outside, "missing"), // indistinguishable from what exists
      `${path}/../outside/secret`,
      `${path}/..`,
      `${path}2`,
      "../outside/secret",
      "/",
    ]
  ) {
    await assertRejects(() => folders.follow(escape), PermissionDenied);
    await assertRejects(() => folders.name(escape), PermissionDenied);
  }
});

Deno.test("SharedFolders.follow() refuses symbolic links that lead outside, name() their targets", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders, outside } = folder;
  await Deno.symlink(outside, folder.in("absolute"));
  await Deno.symlink("../outside", folder.in("relative"));
  await Deno.symlink("absolute", folder.in("chain"));

  for (const link of ["absolute", "relative", "chain"]) {
    await assertRejects(
      () => folders.follow(folder.in(link)),
      PermissionDenied,
    );
    for (const name of ["secret", "directory", "new"]) {
      const path = folder.in(link, name);
      await assertRejects(() => folders.name(path), PermissionDenied);
    }
    // The link itself is inside.
    assertEquals((await folders.name(folder.in(link))).path, folder.in(link));
  }
  await assertRejects(() => folders.follow(folder.in("missing")), NotFound);
});

Deno.test("SharedFolders.follow() finds a folder that was added by a symbolic link, by both its paths", async () => {
  await using folder = await TemporaryFolder.create();
  const folders = new SharedFolders();
  const file = await folder.write("file", "");
  const alias = join(folder.outside, "alias");
  await Deno.symlink(folder.path, alias);
  await folders.add({ path: alias });

  assertEquals((await folders.follow(join(alias, "file"))).path, file);
  assertEquals((await folders.follow(file)).path, file);
  assertEquals((await folders.name(alias)).path, folder.path);
  assertEquals((await folders.follow(alias)).path, folder.path);
  await assertRejects(
    () => folders.follow(join(folder.outside, "secret")),
    PermissionDenied,
  );
});

Deno.test("SharedFolders: the innermost folder decides what may be changed", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders } = folder;
  await Deno.mkdir(folder.in("fixed", "deep", "free"), { recursive: true });
  await folders.add({ path: folder.in("fixed"), readOnly: true });
  await folders.add({ path: folder.in("fixed/deep/free") });

  const writable = async (path: string) =>
    folders.assertWritable(await folders.name(path));
  await writable(folder.in("file"));
  await assertRejects(() => writable(folder.in("fixed")), PermissionDenied);
  await assertRejects(() => writable(folder.in("fixed/a")), PermissionDenied);
  await writable(folder.in("fixed/deep/free/a"));
});

Deno.test("SharedFolders: of one folder by two paths, read-only wins", async () => {
  await using folder = await TemporaryFolder.create();
  const alias = join(folder.outside, "alias");
  await Deno.symlink(folder.path, alias);
  await folder.folders.add({ path: alias, readOnly: true });

  const { root } = await folder.folders.follow(folder.path);
  assert(root.readOnly);
});

Deno.test("SharedFolders.assertRenamable() refuses a folder and what it is in", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders } = folder;
  await Deno.mkdir(folder.in("a", "b"), { recursive: true });
  await folders.add({ path: folder.in("a", "b"), readOnly: true });

  for (const path of [folder.path, folder.in("a"), folder.in("a", "b")]) {
    const place = await folders.name(path);
    assertThrows(() => folders.assertRenamable(place), PermissionDenied);
  }
  folders.assertRenamable(await folders.name(folder.in("c")));
});

Deno.test("SharedFolders.delete() ends a share; adding it again starts a new one", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders, path } = folder;
  const place = await folders.follow(path);
  assert(folders.has(place));

  assert(folders.delete(`${path}/`));
  assert(!folders.delete(path));
  assert(!folders.has(place));
  assertEquals([...folders], []);
  await assertRejects(() => folders.follow(path), PermissionDenied);

  await folders.add({ path });
  assert(!folders.has(place));
  assert(folders.has(await folders.follow(path)));
});

Deno.test("SharedFolders.assertLeadsInside() judges where a link would lead", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders, outside, path } = folder;
  await Deno.mkdir(folder.in("a", "b"), { recursive: true });
  await Deno.symlink(outside, folder.in("out"));
  await Deno.symlink(".", folder.in("a", "here"));
  const link = await folders.name(folder.in("a", "link"));

  const inside = ["b", "../x", ".", "./b", "missing/deep", path, `${path}/x/y`];
  for (const target of inside) await folders.assertLeadsInside(link, target);

  const outsideTargets = [
    "../..",
    "../../outside/secret",
    outside,
    "/",
    "/etc/passwd",
    "../out",
    "../out/secret",
    "../out/missing",
    "b/../../..", // ".." after a name is not judged
    "here/../..",
    `${path}/../outside`,
  ];
  for (const target of outsideTargets) {
    await assertRejects(
      () => folders.assertLeadsInside(link, target),
      PermissionDenied,
    );
  }
});

Deno.test("SharedFolders: clients know a folder by the name that it is given", async () => {
  await using folder = await TemporaryFolder.create();
  const { folders, path, outside } = folder;
  folders.delete(path);
  await folders.add({ path, as: "/plain/name" });
  const file = await folder.write("file", "");

  assertEquals((await folders.follow("/plain/name")).path, path);
  assertEquals((await folders.follow("/plain/name/./file")).path, file);
  assertEquals((await folders.name("/plain/name/new")).path, folder.in("new"));
  for (
    const escape of [
      "/plain",
      "/plain/name2",
      "/plain/name/../file",
      "/plain/name/../../etc/passwd",
      `/plain/name/..${outside}/secret`,
      outside,
    ]
  ) {
    await assertRejects(() => folders.follow(escape), PermissionDenied);
    await assertRejects(() => folders.name(escape), PermissionDenied);
  }
  await Deno.symlink(outside, folder.in("out"));
  for (const name of ["secret", "missing"]) {
    const escape = `/plain/name/out/${name}`;
    await assertRejects(() => folders.follow(escape), PermissionDenied);
  }

  assert(folders.delete("/plain/name"));
  await assertRejects(() => folders.follow("/plain/name"), PermissionDenied);
});

Deno.test("SharedFolders: a name given inside another folder hides an existing file", async () => {
  await using folder = await TemporaryFolder.create();
  await using other = await TemporaryFolder.create();
  await Deno.mkdir(folder.in("sub"));
  await other.write("file", "");
  await folder.folders.add({ path: other.path, as: folder.in("sub") });

  const found = await folder.folders.follow(folder.in("sub", "file"));
  assertEquals(found.path, other.in("file"));
});
