/** What `deno info --json` says of a module and all that it imports. */
export interface ModuleGraph {
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

/** The graph of a module of this repository, named by its path. */
export async function graphOf(module: string): Promise<ModuleGraph> {
  const url = new URL(`../${module}`, import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", url.href],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** What is loaded with a module, before anything of it runs. */
export function loadedWith({ roots, modules }: ModuleGraph): string[] {
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
