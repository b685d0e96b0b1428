import { join } from "node:path";
import { OpenFlag } from "../../../src/sftp/protocol/sftp_protocol.ts";
import { Disk, disk } from "../../../src/sftp/files/disk.ts";
import { isLocalDisk } from "../../../src/sftp/files/is_local_disk.ts";
import { SftpFiles } from "../../../src/sftp/files/sftp_files.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const linux = { ignore: Deno.build.os !== "linux" };

/** A disk with a clock that the test sets, and a folder of names of every kind. */
async function start() {
  const folder = await TemporaryFolder.create();
  const time = { now: 1000 };
  const disk = new Disk(() => time.now);
  await disk.add(folder.path, await Deno.stat(folder.path));
  await Deno.mkdir(folder.in("deep", "below"), { recursive: true });
  await folder.write("file", "");
  await Deno.symlink(folder.in("deep"), folder.in("link"));
  return {
    ...{ disk, time, folder },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test(
  "disk knows a name once a thread has looked at it",
  linux,
  async () => {
    await using rig = await start();
    const { disk, folder } = rig;
    assert(await isLocalDisk(folder.path), "the tests' directory is not local");
    const [file, missing] = [folder.in("file"), folder.in("missing")];
    assert(!disk.knows(file) && !disk.knows(missing));

    assert((await disk.lstat(file)).isFile);
    await assertRejects(() => disk.lstat(missing), Deno.errors.NotFound);
    assert(disk.knows(file) && disk.knows(missing));

    // The same answers at once.
    assert((await disk.lstat(file)).isFile);
    await assertRejects(() => disk.lstat(missing), Deno.errors.NotFound);
    assertEquals(await disk.realPath(file), file);
  },
);

Deno.test(
  "disk knows names in a directory only once it knows that",
  linux,
  async () => {
    await using rig = await start();
    const { disk, folder } = rig;
    const below = folder.in("deep", "below");
    await disk.lstat(join(below, "..", "below"));
    assert(!disk.knows(below));
    assertEquals(await disk.realPath(below), below);
    assert(disk.knows(below));
    assert(!disk.knows(folder.in("deep")));
  },
);

Deno.test(
  "disk leaves what a symbolic link leads to to threads",
  linux,
  async () => {
    await using rig = await start();
    const { disk, folder } = rig;
    const link = folder.in("link");
    for (let i = 0; i < 2; i++) {
      assert((await disk.lstat(link)).isSymlink);
      assertEquals(await disk.realPath(link), folder.in("deep"));
      await disk.lstat(join(link, "below"));
      await disk.realPath(join(link, "below"));
      assert(!disk.knows(link) && !disk.knows(join(link, "below")));
    }
    // A file that has become a link is found to be one.
    const file = folder.in("file");
    await disk.lstat(file);
    await Deno.remove(file);
    await Deno.symlink("deep", file);
    await disk.lstat(file);
    assert(!disk.knows(file));
  },
);

Deno.test(
  "disk leaves other file systems below a folder, and folders on them, to threads",
  linux,
  async () => {
    const disk = new Disk();
    await disk.add("/", await Deno.stat("/"));
    for (const path of ["/proc", "/proc/sys", "/sys"]) {
      await disk.lstat(path);
      await disk.realPath(path);
      assert(!disk.knows(path), path);
    }
    await disk.add("/proc", await Deno.stat("/proc"));
    assert(!disk.knows("/proc"));
    await disk.realPath("/proc/sys");
    assert(!disk.knows("/proc/sys"));
  },
);

Deno.test(
  "disk forgets names that were not used for a second",
  linux,
  async () => {
    await using rig = await start();
    const { disk, time, folder } = rig;
    const file = folder.in("file");
    await disk.lstat(file);
    for (let i = 0; i < 3; i++) {
      time.now += 999;
      assert(disk.knows(file));
    }
    time.now += 1000;
    assert(!disk.knows(file));
    assert(disk.knows(folder.path)); // what is shared stays known
  },
);

Deno.test(
  "disk needs no thread for names in a directory that a client has just made",
  linux,
  async () => {
    await using rig = await start();
    const { disk, time, folder } = rig;
    const made = folder.in("made");
    await disk.makeDirectory(made, 0o755);
    assert(disk.knows(made));
    using threads = countThreads();

    await assertRejects(
      () => disk.lstat(join(made, "missing")),
      Deno.errors.NotFound,
    );
    await Deno.writeTextFile(join(made, "file"), "");
    assert((await disk.lstat(join(made, "file"))).isFile);
    await Deno.symlink(folder.path, join(made, "link"));
    assert((await disk.lstat(join(made, "link"))).isSymlink);
    assert(!disk.knows(join(made, "link")));
    assertEquals(threads.calls, 0);

    // Later something may have been mounted there, and elsewhere at any time.
    for (let i = 0; i < 5; i++) {
      time.now += 999;
      assert(disk.knows(made));
    }
    await assertRejects(
      () => disk.lstat(join(made, "another")),
      Deno.errors.NotFound,
    );
    assertEquals(threads.calls, 0);
    time.now += 5;
    await disk.lstat(join(made, "third")).catch(() => {});
    await disk.lstat(folder.in("deep")).catch(() => {});
    assertEquals(threads.calls, 2);
  },
);

Deno.test(
  "sftpFiles: creating a file in a new directory needs a thread only to create it",
  linux,
  async () => {
    using _clock = stopClock();
    await using folder = await TemporaryFolder.create();
    using files = new SftpFiles(folder.folders);
    await files.makeDirectory(folder.in("new"), {});
    const file = folder.in("new", "file");
    using threads = countThreads();

    await assertRejects(() => files.lstat(file), Deno.errors.NotFound);
    files.close(
      await files.open(file, OpenFlag.write | OpenFlag.creat, {}),
    );
    await files.setAttributes(file, { permissions: 0o600 });
    await files.lstat(file);
    assertEquals(threads.calls, 0);
  },
);

Deno.test(
  "sftpFiles: what a client has listed is known",
  linux,
  async () => {
    using _clock = stopClock();
    await using folder = await TemporaryFolder.create();
    await folder.write("file", "");
    using files = new SftpFiles(folder.folders);
    const handle = await files.openDirectory(folder.path);
    await files.readDirectory(handle, 10);
    files.close(handle);
    using threads = countThreads();

    files.close(await files.open(folder.in("file"), OpenFlag.read, {}));
    await files.lstat(folder.in("file"));
    assertEquals(threads.calls, 0);
  },
);

Deno.test(
  "sftpFiles: opening a file in a directory that is known needs one thread",
  linux,
  async () => {
    using _clock = stopClock();
    await using folder = await TemporaryFolder.create();
    await folder.write("file", "");
    await Deno.symlink("file", folder.in("link"));
    using files = new SftpFiles(folder.folders);
    using threads = countThreads();

    files.close(await files.open(folder.in("file"), OpenFlag.read, {}));
    assertEquals(threads.calls, 1);
    files.close(await files.open(folder.in("link"), OpenFlag.read, {}));
    assert((await files.stat(folder.in("link"))).isFile);
    await assertRejects(
      () => files.open(folder.in("missing"), OpenFlag.read, {}),
      Deno.errors.NotFound,
    );
  },
);

Deno.test(
  "disk leaves everything to threads for a while after a slow call",
  linux,
  async () => {
    await using rig = await start();
    const { disk, time, folder } = rig;
    const file = folder.in("file");
    await disk.lstat(file);
    const how = (took: number) =>
      disk.call(file, () => {
        time.now += took;
        return "at once";
      }, () => Promise.resolve("later"));

    assertEquals(await how(5), "at once");
    assertEquals(await how(20), "at once");
    assertEquals(await how(0), "later");
    time.now += 199;
    assertEquals(await how(0), "later");
    time.now += 1;
    assertEquals(await how(0), "at once");
  },
);

Deno.test("disk bounds what it remembers", linux, async () => {
  await using rig = await start();
  const { disk, folder } = rig;
  const names = Array.from({ length: 5000 }, (_, i) => folder.in(`no${i}`));
  await Promise.all(names.map((name) => disk.lstat(name).catch(() => {})));
  const known = names.filter((name) => disk.knows(name)).length;
  assert(known > 0 && known <= 4096, `${known} names`);
});

Deno.test(
  "sftpFiles: a path is no longer known once a client may have made it a link",
  linux,
  async () => {
    using _clock = stopClock();
    await using folder = await TemporaryFolder.create();
    using files = new SftpFiles(folder.folders);
    await Deno.mkdir(folder.in("directory"));
    const [file, other] = [folder.in("directory", "file"), folder.in("other")];
    const create = OpenFlag.write | OpenFlag.creat;
    files.close(await files.open(file, create, {}));
    const learn = async () => {
      await files.lstat(folder.in("directory"));
      for (let i = 0; i < 2; i++) await files.lstat(file).catch(() => {});
      assert(disk.knows(file));
    };

    await learn();
    await files.symlink("directory", other);
    assert(!disk.knows(file));
    await learn();
    await files.replace(other, folder.in("renamed link"));
    assert(!disk.knows(file));
    await learn();
    await files.rename(folder.in("directory"), folder.in("renamed"));
    assert(!disk.knows(file));

    // A file that is renamed makes no link.
    await files.lstat(folder.in("renamed"));
    await files.lstat(folder.in("renamed", "file"));
    await files.rename(folder.in("renamed", "file"), folder.in("moved"));
    assert(disk.knows(folder.in("renamed")));
  },
);

/** Counts the look-ups that threads carry out, until it is disposed. */
function countThreads() {
  const { lstat, realPath } = Deno;
  const counted = {
    calls: 0,
    [Symbol.dispose]: () => void Object.assign(Deno, { lstat, realPath }),
  };
  Object.assign(Deno, {
    lstat: (path: string) => (counted.calls++, lstat(path)),
    realPath: (path: string) => (counted.calls++, realPath(path)),
  });
  return counted;
}

/** Lets no time pass for the disk that all share: on a busy machine nothing is slow, or gets old. */
function stopClock(): Disposable {
  const { now } = performance;
  const time = performance.now();
  performance.now = () => time;
  return { [Symbol.dispose]: () => void (performance.now = now) };
}
