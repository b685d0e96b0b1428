import { assert, assertEquals } from "../../assert.ts";
import { graphOf, loadedWith } from "../../module_graph.ts";

function isSsh2(specifier: string): boolean {
  return /^npm:\/?ssh2@|\/ssh2_transport\.ts$/.test(specifier);
}

for (const module of ["mod.ts", "src/x2go/mod.ts"]) {
  Deno.test(`npm:ssh2 is not in the module graph of ${module}`, async () => {
    const { modules } = await graphOf(module);
    const specifiers = modules.map(({ specifier }) => specifier);
    assert(specifiers.some((it) => it.endsWith("/native_transport.ts")));
    assertEquals(specifiers.filter(isSsh2), []);
  });
}

Deno.test("the command loads npm:ssh2 only when it is asked to", async () => {
  const graph = await graphOf("src/cli/main.ts");
  assert(graph.modules.some(({ specifier }) => isSsh2(specifier)));
  const loaded = loadedWith(graph);
  assert(loaded.some((it) => it.endsWith("/native_transport.ts")));
  assertEquals(loaded.filter(isSsh2), []);
});
