import { assertEquals } from "./assert.ts";

/** The part of `deno info --json` that is looked at here. */
interface Graph {
  modules: {
    specifier: string;
    dependencies?: {
      code?: { specifier?: string };
      type?: { specifier?: string };
    }[];
  }[];
}

const root = new URL("../", import.meta.url);
const { default: { exports } } = await import("../deno.json", {
  with: { type: "json" },
});

/** Which files of the package each of them imports, for values or types. */
async function readImports(): Promise<Map<string, string[]>> {
  const imports = new Map<string, string[]>();
  for (const entry of Object.values(exports)) {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", new URL(entry, root).href],
      stderr: "inherit",
    }).output();
    assertEquals(success, true);
    const graph: Graph = JSON.parse(new TextDecoder().decode(stdout));
    for (const { specifier, dependencies = [] } of graph.modules) {
      if (!specifier.startsWith(root.href)) continue;
      const targets = dependencies.flatMap(({ code, type }) =>
        code?.specifier ?? type?.specifier ?? []
      );
      imports.set(
        specifier.slice(root.href.length),
        targets.filter((it) => it.startsWith(root.href))
          .map((it) => it.slice(root.href.length)),
      );
    }
  }
  return imports;
}

const imports = await readImports();

/** A way from a file back to itself, if there is one that was not seen before. */
function findCircle(
  file: string,
  way: readonly string[],
  done: Set<string>,
): string[] | undefined {
  if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
  if (done.has(file)) return undefined;
  for (const next of imports.get(file) ?? []) {
    const circle = findCircle(next, [...way, file], done);
    if (circle) return circle;
  }
  done.add(file);
  return undefined;
}

Deno.test("no file imports itself by way of others", () => {
  const done = new Set<string>();
  let circle: string[] | undefined;
  for (const file of imports.keys()) circle ??= findCircle(file, [], done);
  assertEquals(circle, undefined);
  assertEquals(done.size > 200, true);
});

/** The floors, from the ground up; each imports only from itself and those below. */
const floors: readonly RegExp[] = [
  /^src\/([^/]+\.ts$|sockets\/|streams\/|text\/)/,
  /^src\/ssh\//,
  /^src\/forward\//,
  /^src\/observe\//,
  /^src\/sftp\//,
  /^src\/x2go\//,
  /^src\/cli\//,
];

Deno.test("no floor imports from one above it", () => {
  const floorOf = (file: string) => floors.findIndex((it) => it.test(file));
  const upward = [...imports].flatMap(([file, targets]) =>
    floorOf(file) < 0 ? [] : targets.filter((it) => floorOf(it) > floorOf(file))
      .map((it) => `${file} → ${it}`)
  );
  assertEquals(upward, []);
});
