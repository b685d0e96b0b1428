import { longName } from "../../../src/sftp/protocol/long_name.ts";
import { assertEquals, assertMatch } from "../../assert.ts";
import { run } from "../../servers/run.ts";

const file: Deno.FileInfo = {
  ...await Deno.lstat("."),
  isFile: true,
  isDirectory: false,
  isSymlink: false,
  mode: 0o100644,
  nlink: 2,
  uid: 1000,
  gid: 100,
  size: 12345,
  mtime: new Date(2001, 1, 3, 4, 5),
};

Deno.test("longName() is the line of ls -l", () => {
  assertEquals(
    longName("a name", file),
    "-rw-r--r--   2 1000     100         12345 Feb  3  2001 a name",
  );
});

Deno.test("longName() shows the time of recent files, and the year of others", () => {
  const at = (mtime: Date) => longName("x", { ...file, mtime });
  const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
  assertMatch(at(yesterday), / [A-Z][a-z]{2} [ \d]\d \d\d:\d\d x$/);
  assertMatch(
    at(new Date(Date.now() - 300 * 24 * 3600 * 1000)),
    / {2}\d{4} x$/,
  );
  assertMatch(at(new Date(8.64e15)), / {2}275760 x$/);
});

Deno.test("longName() shows type and mode as ls does", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.symlink("x", `${directory}/link`);
    await run("mkfifo", [`${directory}/pipe`]);
    const modes = [0o0, 0o777, 0o4755, 0o2644, 0o1777, 0o7000, 0o640];
    for (const mode of modes) {
      await Deno.writeTextFile(`${directory}/${mode}`, "");
      await Deno.chmod(`${directory}/${mode}`, mode);
    }
    const paths = ["/dev/null", directory];
    for (const { name } of Deno.readDirSync(directory)) {
      paths.push(`${directory}/${name}`);
    }
    for (const path of paths) {
      const [expected] = (await run("ls", ["-ld", path])).split(/[ .+]/);
      const [found] = longName("", await Deno.lstat(path)).split(" ");
      assertEquals(found, expected, path);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
