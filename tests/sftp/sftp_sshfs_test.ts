import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { run } from "../servers/run.ts";
import { SftpRig } from "./sftp_rig.ts";

// What sshfs needs besides itself: a mount namespace, which only root can make,
// as only root can make what "useradd" stands for.
const programs = ["ssh", "sshfs", "useradd"] as const;

/**
 * Runs a shell script in the shared folder as sshfs mounts it. The mount is in
 * a namespace of its own, with a /dev/fuse of its own, and goes with it. In the
 * script, `fails 'command'` prints the command if it does not.
 */
async function mounted(
  rig: SftpRig,
  script: string,
  options: string[] = [],
): Promise<string> {
  const { outside, path } = rig.folder;
  const [fuse, config] = [join(outside, "fuse"), join(outside, "config")];
  await Deno.writeTextFile(config, rig.options.join("\n"));
  const setUp = `
    set -e
    [ -e "$1" ] || mknod -m 666 "$1" c 10 229
    mount --bind "$1" /dev/fuse
    mount=$2 source=$3 script=$4
    shift 4
    sshfs "$source" "$mount" -f "$@" & sshfs=$!
    until mountpoint -q "$mount"; do kill -0 $sshfs; sleep 0.02; done
    cd "$mount"
    sh -ec "fails() { ! sh -c \\"\\$1\\" 2>/dev/null || echo \\"\\$1\\"; }
      $script" && code=0 || code=$?
    cd /
    umount "$mount"
    wait $sshfs
    exit $code`;
  return await run("unshare", [
    ...["--mount", "--propagation", "private", "sh", "-c", setUp, "sh"],
    ...[fuse, join(outside, "directory"), `me@127.0.0.1:${path}`, script],
    ...["-F", config, ...options.flatMap((option) => ["-o", option])],
  ]);
}

serverTest([...programs], "serveSftp() serves sshfs: large files", async () => {
  await using rig = await SftpRig.start();
  const local = join(rig.folder.outside, "local");
  await run("dd", ["if=/dev/urandom", `of=${local}`, "bs=1M", "count=32"]);

  await mounted(rig, `dd if=${local} of=large bs=1M conv=fsync`);
  await run("cmp", [local, rig.folder.in("large")]);
  // A new mount has nothing of it in its cache.
  const sums = await mounted(rig, `sha256sum large ${local}`);
  const [found, expected] = sums.split("\n").map((line) => line.split(" ")[0]);
  assertEquals(found, expected);
});

serverTest(
  [...programs],
  "serveSftp() serves sshfs: what one does with files",
  async () => {
    await using rig = await SftpRig.start();
    const output = await mounted(
      rig,
      String.raw`
    n=$(printf 'two \047quoted\047 "ünï"')
    echo one > one; echo two > "$n"
    mv one "$n"
    cat "$n"
    echo more >> "$n"
    wc -c < "$n"
    truncate -s 3 "$n"
    chmod 640 "$n"
    touch -d @1000000000 "$n"
    stat -c '%s %a %Y %h' "$n"
    chmod 6640 "$n"; stat -c %a "$n"; chmod 640 "$n"
    mkdir shared; chmod 3775 shared; stat -c %a shared; rmdir shared
    touch "$(printf 'caf\351')" 2>&1 | sed 's/.*: //'
    ln "$n" hard; stat -c %h hard
    mkdir -p a/b; ln -s hard link # Debian's sshfs shows none with ".." in it
    readlink link; cat link; echo
    fails 'ln -s /etc/passwd a/stolen'
    fails 'rmdir a'
    fails 'mkdir a'
    fails 'mkfifo pipe'
    df -P . | tail -1
    ls -a
    rm -r a hard link
    dd if=/dev/zero of=sparse bs=1 count=1 seek=5000000000 2>/dev/null
    stat -c %s sparse
    sync -f sparse; rm sparse`,
    );
    const lines = output.trimEnd().split("\n");
    const space = lines.splice(9, 1)[0] ?? "";
    assertEquals(lines, [
      ...["one", "9", "3 640 1000000000 1"],
      ...["640", "3775", "Operation not supported"],
      ...["1", "hard", "one"],
      ...[".", "..", "a", "hard", "link", "two 'quoted' \"ünï\""],
      "5000000001",
    ]);
    assertMatch(space, /^me@127\.0\.0\.1:.* \d+ +\d+ +\d+ +\d+% /);
    assertEquals(
      [...Deno.readDirSync(rig.folder.path)].map(({ name }) => name),
      ["two 'quoted' \"ünï\""],
    );
  },
);

serverTest(
  [...programs],
  "serveSftp() serves sshfs: many files, many at once",
  async () => {
    await using rig = await SftpRig.start();
    const names = Array.from({ length: 5000 }, (_, i) => `file-${i}`);
    for (const name of names) Deno.writeTextFileSync(rig.folder.in(name), name);

    const output = await mounted(
      rig,
      `
    ls | wc -l
    find . -type f -size -20c | wc -l
    mkdir many
    for n in 1 2 3 4 5 6 7 8; do
      (dd if=/dev/urandom of=many/$n bs=64K count=20 2>/dev/null
       for i in 1 2 3 4 5 6 7 8 9; do cp file-$i$n many/$n-$i; done
       sha256sum many/$n) &
    done
    wait
    ls many | wc -l`,
    );
    const [entries, files, ...rest] = output.trimEnd().split("\n");
    const sums = rest.filter((line) => line.includes(" "));
    assertEquals([entries, files, rest.length, rest.at(-1)], [
      ...["5000", "5000"],
      9,
      "80",
    ]);
    await run(
      "sh",
      ["-c", `cd "$1" && sha256sum -c`, "sh", rig.folder.path],
      {
        stdin: `${sums.join("\n")}\n`,
      }.stdin,
    );
    assertEquals(
      await Deno.readTextFile(rig.folder.in("many", "7-9")),
      "file-97",
    );
  },
);

serverTest([...programs], "serveSftp() serves sshfs, read-only", async () => {
  await using rig = await SftpRig.start({ readOnly: true });
  await rig.folder.write("file", "file");

  const output = await mounted(
    rig,
    `
    cat file; echo
    fails 'echo x > new'
    fails 'echo x > file'
    fails 'echo x >> file'
    fails 'rm file'
    fails 'mv file new'
    fails 'mkdir new'
    fails 'ln -s file new'
    fails 'chmod 777 file'
    fails 'touch file'
    ls`,
  );
  assertEquals(output, "file\nfile\n");
  assertEquals(await Deno.readTextFile(rig.folder.in("file")), "file");
});

serverTest(
  [...programs],
  "serveSftp() serves sshfs, which escapes by no link",
  async () => {
    await using rig = await SftpRig.start();
    await Deno.symlink(rig.folder.outside, rig.folder.in("out"));
    await Deno.symlink("../outside/secret", rig.folder.in("secret"));

    // Where links are followed here and not by the client's kernel.
    const output = await mounted(
      rig,
      `
    fails 'cat secret'
    fails 'cat out/secret'
    fails 'ls out/'
    fails 'echo x > secret'
    fails 'echo x > out/new'
    ls`,
      ["follow_symlinks"],
    );
    assertEquals(output, "out\nsecret\n");
    const secret = join(rig.folder.outside, "secret");
    assertEquals(await Deno.readTextFile(secret), "secret");
  },
);
