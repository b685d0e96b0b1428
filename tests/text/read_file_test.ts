import {
  FileTooLargeError,
  readFile,
  readTextFile,
} from "../../src/text/read_file.ts";
import { assertEquals, assertRejects } from "../assert.ts";

Deno.test("readFile() reads a file as it is, up to the limit", async () => {
  const file = await Deno.makeTempFile();
  try {
    for (const size of [0, 1, 4096, 100_000]) {
      const bytes = crypto.getRandomValues(new Uint8Array(size % 65_536));
      await Deno.writeFile(file, bytes);
      assertEquals(await readFile(file), bytes);
      assertEquals(await readFile(file, bytes.length), bytes);
      if (size === 0) continue;
      const read = () => readFile(file, bytes.length - 1);
      await assertRejects(read, FileTooLargeError);
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("readFile() reads what says that it is empty", async () => {
  const { pid } = Deno;
  assertEquals(
    await readFile(`/proc/${pid}/cmdline`),
    await Deno.readFile(`/proc/${pid}/cmdline`),
  );
});

Deno.test("readFile() ends at a device that does not", async () => {
  const read = () => readFile("/dev/zero", 1000);
  await assertRejects(read, FileTooLargeError);
});

Deno.test("readTextFile() leaves out a byte order mark", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "\uFEFFtext €");
    assertEquals(await readTextFile(file), "text €");
  } finally {
    await Deno.remove(file);
  }
});
