import { join } from "node:path";
import { silentLogger } from "../../../../src/logger.ts";
import { assertEquals } from "../../../assert.ts";
import { parseKnownHosts } from "../../../../src/ssh/host_keys/known_hosts/known_hosts_file.ts";
import { removeKnownHosts } from "../../../../src/ssh/host_keys/known_hosts/remove_known_hosts.ts";
import { ed25519Key, testDirectory } from "../host_key_fixture.ts";

const [a, b, c] = [1, 2, 3].map((fill) => `a ${ed25519Key(fill).text}`);

Deno.test("removeKnownHosts() removes lines, and keeps a copy of the old file beside it", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("known", "# comment", a!, "nonsense", b!, c!);
  await Deno.chmod(file, 0o640);
  const link = join(dir.path, "link");
  await Deno.symlink(file, link);
  const before = await Deno.readTextFile(file);
  const lines = parseKnownHosts(before, link, silentLogger);

  await removeKnownHosts(lines.filter(({ line }) => line !== 4));

  assertEquals(await Deno.readTextFile(file), `# comment\nnonsense\n${b}\n`);
  assertEquals(await Deno.readTextFile(`${file}.old`), before);
  assertEquals((await Deno.stat(file)).mode! & 0o777, 0o640);
  assertEquals((await Deno.lstat(link)).isSymlink, true);
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
  assertEquals(names, ["known", "known.old", "link"]);
});

Deno.test("removeKnownHosts() removes no line that has changed since", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("known", a!, b!);
  const lines = parseKnownHosts(
    await Deno.readTextFile(file),
    file,
    silentLogger,
  );
  await Deno.writeTextFile(file, `${c}\n${b}\n`);

  await removeKnownHosts(lines);

  assertEquals(await Deno.readTextFile(file), `${c}\n`);
});
