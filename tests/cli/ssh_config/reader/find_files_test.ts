import { findFiles } from "../../../../src/cli/ssh_config/reader/find_files.ts";
import { RForwardError } from "../../../../src/errors.ts";
import { assertEquals, assertRejects } from "../../../assert.ts";
import { testHome } from "../test_home.ts";

Deno.test("findFiles() finds what glob(3) finds, sorted", async () => {
  await using home = await testHome();
  for (
    const name of ["d/b1", "d/a1", "d/a2", "d/.a1", "e/a1", "d/[x]", "d/a]"]
  ) {
    await home.write(name, "");
  }

  for (
    const [pattern, expected] of [
      ["d/a1", ["d/a1"]],
      ["d/a?", ["d/a1", "d/a2", "d/a]"]],
      ["*/a1", ["d/a1", "e/a1"]],
      ["d/[ab]1", ["d/a1", "d/b1"]],
      ["d/[!a]1", ["d/b1"]],
      ["d/[a-b]1", ["d/a1", "d/b1"]],
      ["d/[b-a]1", []],
      ["d/a[]1]", ["d/a1", "d/a]"]],
      ["d/.*1", ["d/.a1"]],
      ["d/\\[x]", ["d/[x]"]],
      ["d/(a|b)1", []],
      ["none/*", []],
      ["d/a1/*", []],
      ["none", []],
      ["*", ["d", "e"]],
    ] as const
  ) {
    assertEquals(
      await findFiles(`${home.path}/${pattern}`),
      expected.map((name) => `${home.path}/${name}`),
      pattern,
    );
  }
});

Deno.test({
  name: "findFiles() says which permission it needs",
  permissions: { read: false },
  async fn() {
    for (const pattern of ["/etc/ssh/*.conf", "/etc/ssh/ssh_config"]) {
      const error = await assertRejects(
        () => findFiles(pattern),
        RForwardError,
      );
      assertEquals(error.code, "permission-denied");
    }
  },
});

Deno.test({
  name: "findFiles() needs no permission for the directories on the way",
  permissions: { read: ["/etc/ssh"] },
  async fn() {
    assertEquals(await findFiles("/etc/ssh/none*"), []);
    assertEquals(await findFiles("/etc/ssh/none"), []);
  },
});
