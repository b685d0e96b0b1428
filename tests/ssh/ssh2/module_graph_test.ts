import { assert, assertEquals } from "../../assert.ts";

/** What `deno info --json` says of a module and all that it imports. */
interface ModuleGraph {
  readonly roots: readonly string[];
  readonly modules: readonly Module[];
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

async function graphOf(module: string): Promise<ModuleGraph> {
  const url = new URL(`../../../${module}`, import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", url.href],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** What is loaded with a module, before anything of it runs. */
function loadedWith({ roots, modules }: ModuleGraph): string[] {
  const bySpecifier = new Map(modules.map((it) => [it.specifier, it]));
  const loaded = new Set(roots);
  for (const specifier of loaded) {
    const { dependencies = [] } = bySpecifier.get(specifier) ?? {};
    for (const { code, isDynamic } of dependencies) {
      if (code?.specifier && !isDynamic) loaded.add(code.specifier);
    }
  }
  return [...loaded];
}

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
