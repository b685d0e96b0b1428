import { join } from "node:path";
import { X2GoError } from "../../../src/x2go/errors.ts";
import { runCommand, saveJobs } from "../../../src/x2go/jobs/jobs.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { Desk } from "../desk.ts";

Deno.test("saveJobs() names files after titles, and replaces none", async () => {
  await using desk = await Desk.create();
  const saved = await desk.mkdir("saved");
  const save = saveJobs(saved);
  const expected: [title: string, file: string, name: string][] = [
    ["Letter", "job.pdf", "Letter.pdf"],
    ["Letter", "job.pdf", "Letter (2).pdf"],
    ["Letter.pdf", "job.pdf", "Letter (3).pdf"],
    ["photo.png", "photo.png", "photo.png"],
    ["no extension", "file", "no extension"],
    ["../../etc/passwd", "job.pdf", "_.._etc_passwd.pdf"],
    ["..", "job.pdf", "untitled.pdf"],
    ["", "job.pdf", "untitled (2).pdf"],
    [".bashrc", ".bashrc", "bashrc"],
    ['a:b\\c*d?"e"<f>|g\u202egpj', "job.pdf", "a_b_c_d_e_f_g_gpj.pdf"],
    ["漢".repeat(100), "job.pdf", `${"漢".repeat(66)}.pdf`],
    ["a", `b.${"x".repeat(100)}`, `a.${"x".repeat(9)}`],
  ];

  for (const [index, [title, name]] of expected.entries()) {
    const directory = await desk.mkdir(String(index));
    const file = join(directory, name);
    await Deno.writeTextFile(file, `${index}`);
    await save({ title, file });
  }

  const contents = [...Deno.readDirSync(saved)].map(({ name }) => [
    name,
    Deno.readTextFileSync(join(saved, name)),
  ]);
  assertEquals(
    Object.fromEntries(contents),
    Object.fromEntries(expected.map(([, , name], i) => [name, `${i}`])),
  );
});

Deno.test("saveJobs() fails where it cannot save, and leaves no half", async () => {
  await using desk = await Desk.create();
  const file = await desk.mkdir("directory.pdf"); // cannot be read
  const job = { title: "it", file };

  await assertRejects(() => save(desk.path), Error);
  await assertRejects(() => save(join(desk.path, "missing")), Error);

  assertEquals([...Deno.readDirSync(desk.path)].length, 1);

  async function save(directory: string): Promise<void> {
    await saveJobs(directory)(job);
  }
});

Deno.test("runCommand() runs a program with a job's words as they are", async () => {
  await using desk = await Desk.create();
  const output = join(desk.path, "output");
  const job = { title: "-x $(id) 'it' \"is\"; exit 1", file: "/a file" };
  const run = runCommand("sh", ({ title, file }) => [
    ...["-c", 'printf "%s\\n" "$@" > "$0"', output, title, file],
  ]);

  await run(job);

  assertEquals(
    await Deno.readTextFile(output),
    `${job.title}\n${job.file}\n`,
  );
});

Deno.test("runCommand() fails if the program does, with what that said", async () => {
  const job = { title: "it", file: "/it" };
  const fail = runCommand(
    "sh",
    () => ["-c", "echo no 'paper\x07' >&2; exit 3"],
  );
  const missing = runCommand("/no/such/program", () => []);

  const error = await assertRejects(async () => await fail(job), X2GoError);
  assertEquals(error.code, "x2go-share");
  assertMatch(error.message, /^sh failed with exit status 3: no paper$/);
  await assertRejects(async () => await missing(job), Deno.errors.NotFound);
});
