/** README and docs/ are true: names, options, messages, links and code. */
import { flags } from "../src/cli/command_line/flag_table.ts";
import { optionNames } from "../src/cli/ssh_config/options/option_table.ts";
import {
  namesWithoutEffect,
  obsoleteNames,
} from "../src/cli/ssh_config/options/options_without_effect.ts";
import type { JsonEvent } from "../src/cli/report/json/event_json.ts";
import { assert, assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root));
}

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...Array.from(Deno.readDirSync(new URL("docs", root)), ({ name }) => name)
    .toSorted().map((name) => `docs/${name}`),
];

/** A symbol as `deno doc --json` has it. */
interface Doc {
  name: string;
  declarations: {
    def?: { properties?: { name: string }[]; methods?: { name: string }[] };
  }[];
}

let documented: Promise<Map<string, Set<string>>> | undefined;

/** The members of each exported symbol, by the symbol's name. */
function symbols(): Promise<Map<string, Set<string>>> {
  return documented ??= (async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", "--json", "mod.ts", "src/x2go/mod.ts"],
      cwd: root,
    }).output();
    const { nodes }: { nodes: Record<string, { symbols: Doc[] }> } = JSON.parse(
      new TextDecoder().decode(stdout),
    );
    return new Map(
      Object.values(nodes).flatMap((module) => module.symbols).map((
        { name, declarations },
      ) => [
        name,
        new Set(
          declarations.flatMap(({ def }) =>
            [...def?.properties ?? [], ...def?.methods ?? []]
              .map((member) => member.name)
          ),
        ),
      ]),
    );
  })();
}

/** All of src/, as one text. */
async function sources(): Promise<string> {
  const files: string[] = [];
  const collect = async (directory: URL) => {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      if (isDirectory) await collect(new URL(`${name}/`, directory));
      else files.push(await Deno.readTextFile(new URL(name, directory)));
    }
  };
  await collect(new URL("src/", root));
  return files.join("\n");
}

/** The rows of the tables of a section, cell by cell; the first is the header. */
function tables(page: string, heading: string): string[][][] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [text = ""] = section.split(/\n## /);
  return [...text.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) =>
    table.trimEnd().split("\n").filter((_, i) => i !== 1)
      .map((row) => row.slice(1, -1).split(/(?<!\\)\|/).map((s) => s.trim()))
  );
}

/** What a text has between backticks. */
function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

/** The code in the first column of a table, without its header. */
function firstColumn(table: string[][] | undefined): string[] {
  return (table ?? []).slice(1).flatMap(([cell = ""]) => codeIn(cell));
}

for (
  const [heading, name] of [
    ["connect()", "ConnectOptions"],
    ["forward(), listen()", "TunnelOptions"],
    ["supervise()", "SupervisorOptions"],
  ] as const
) {
  Deno.test(`docs/library.md has the options of ${heading}, and no others`, async () => {
    const [table] = tables(await read("docs/library.md"), heading);
    const members = (await symbols()).get(name);
    assertEquals(firstColumn(table).toSorted(), [...members!].toSorted());
  });
}

/** What the pages call values of some types. */
const values: Record<string, string> = {
  tunnel: "ReverseTunnel",
  supervisor: "Supervisor",
  connection: "SshConnection",
  session: "X2GoSession",
  share: "Share",
};

Deno.test("every member that README and docs name exists", async () => {
  const known = await symbols();
  for (const page of pages) {
    const text = await read(page);
    for (
      const [, value, member] of text.matchAll(/\b(\w+)\.(?!ts\b)(\w+)\b/g)
    ) {
      const members = known.get(values[value!] ?? "");
      if (!members) continue;
      assert(members.has(member!), `${page}: ${value}.${member}`);
    }
  }
});

Deno.test("docs/coming_from_python_x2go.md maps to what is exported", async () => {
  const known = await symbols();
  const members = new Set([...known.values()].flatMap((names) => [...names]));
  const page = await read("docs/coming_from_python_x2go.md");
  const right = [...page.matchAll(/^\|.*\| (.*) \|$/gm)].map(([, cell]) =>
    cell!
  );
  assert(right.length > 20);
  for (const code of right.flatMap(codeIn)) {
    for (const [, name] of code.matchAll(/\b([A-Z]\w+)\b/g)) {
      assert(known.has(name!), `${code}: ${name} is not exported`);
    }
    for (const [, name] of code.matchAll(/\b([a-z]\w+)\(/g)) {
      assert(known.has(name!) || members.has(name!), `${code}: no ${name}()`);
    }
  }
});

Deno.test("docs/command.md has every option of the command, and no others", async () => {
  const page = await read("docs/command.md");
  const listed = ["Options of its own", "Options of ssh"]
    .flatMap((heading) => firstColumn(tables(page, heading)[0]))
    .map((code) => code.split(" ")[0]!);
  assertEquals(
    listed.toSorted(),
    flags.flatMap(({ names }) => names).toSorted(),
  );
});

Deno.test("docs/command.md has every option of ssh_config, and no others", async () => {
  const page = await read("docs/command.md");
  const list = page.split("\n## Options of ssh_config\n")[1]!.split(
    "\n## ",
  )[0]!;
  assertEquals(
    new Set(codeIn(list.slice(list.indexOf("\n- ")))),
    new Set([...optionNames, ...namesWithoutEffect, ...obsoleteNames]),
  );
});

Deno.test("docs/command.md has the events of --json, and no others", async () => {
  const [table] = tables(await read("docs/command.md"), "Events for programs");
  // A type that is missing here does not compile.
  const types: Record<JsonEvent["type"], true> = {
    "connecting": true,
    "connected": true,
    "lost": true,
    "waiting": true,
    "bound": true,
    "verified": true,
    "denied": true,
    "opened": true,
    "closed": true,
    "target-error": true,
    "refused": true,
    "target-down": true,
    "target-up": true,
    "target-replaced": true,
    "handing-over": true,
    "hand-over-failed": true,
    "session-output": true,
    "session-ended": true,
    "slept": true,
    "switching": true,
    "paused": true,
    "resumed": true,
    "network-changed": true,
    "state": true,
    "stopped": true,
    "message": true,
  };
  assertEquals(firstColumn(table).toSorted(), Object.keys(types).toSorted());
  const [, states] = /type SupervisorState =([^;]*);/.exec(await sources())!;
  const row = table!.find(([cell]) => cell === "`state`");
  assertEquals(
    codeIn(row![2]!).slice(1),
    [...states!.matchAll(/"(.*)"/g)].map(([, state]) => state!),
  );
});

Deno.test("docs/troubleshooting.md quotes messages that there are", async () => {
  const source = (await sources()).replaceAll("\\`", "`");
  const page = await read("docs/troubleshooting.md");
  const messages = [...page.matchAll(/^### `(.*)`$/gm)].map(([, m]) => m!);
  assert(messages.length > 15);
  for (const message of messages) {
    // What stands around values in the message's template, or mayNot()'s.
    const parts = message.split(/…|: |^may not |; /);
    for (const part of parts.map((part) => part.trim())) {
      assert(source.includes(part), `${message}: ${part}`);
    }
  }
});

Deno.test("every link in README and docs leads somewhere", async () => {
  for (const page of pages) {
    const text = await read(page);
    const links = [
      ...text.matchAll(/\]\(([^)\s]+)\)/g),
      ...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm),
    ].map(([, link]) => link!).filter((link) => !/^https?:/.test(link));
    for (const link of links) {
      const url = new URL(link, new URL(page, root));
      const target = await Deno.stat(url).then((info) => info, () => undefined);
      assert(target, `${page}: ${link}`);
      if (!url.hash) continue;
      const headings = (await Deno.readTextFile(url)).matchAll(/^#+ (.*)$/gm);
      const anchors = [...headings].map(([, heading]) =>
        heading!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
      );
      assert(anchors.includes(url.hash.slice(1)), `${page}: ${link}`);
    }
  }
});

Deno.test("every path that docs/design.md and CONTRIBUTING.md name exists", async () => {
  const names = new Set<string>();
  const collect = async (directory: string) => {
    for await (const entry of Deno.readDir(new URL(directory, root))) {
      const path = `${directory}${entry.name}${entry.isDirectory ? "/" : ""}`;
      names.add(path);
      if (entry.isDirectory) await collect(path);
    }
  };
  for (const top of ["src/", "tests/", "docs/", ".ci/"]) {
    names.add(top);
    await collect(top);
  }
  const all = [...names];
  for (const page of ["docs/design.md", "CONTRIBUTING.md"]) {
    const paths = codeIn((await read(page)).replaceAll(/^```[^]*?^```$/gm, ""))
      .filter((code) => /^[\w./-]+(\.ts|\.sh|\/)$|^\.ci\//.test(code));
    assert(paths.length > 3, page);
    for (const path of paths) {
      // A room or file beside the one that was named before.
      const exists = all.some((it) => it === path || it.endsWith(`/${path}`));
      assert(exists, `${page}: ${path}`);
    }
  }
});

Deno.test("docs/design.md has each floor and room", async () => {
  const page = await read("docs/design.md");
  const rooms = (floor: string) =>
    [...Deno.readDirSync(new URL(floor, root))]
      .filter((entry) => entry.isDirectory).map(({ name }) => `${name}/`);
  const named = new Set(codeIn(page.replaceAll(/^```[^]*?^```$/gm, "")));
  for (const floor of rooms("src/")) {
    assert(named.has(`src/${floor}`), floor);
    if (!["src/cli/", "src/forward/", "src/ssh/"].includes(`src/${floor}`)) {
      continue;
    }
    for (const room of rooms(`src/${floor}`)) {
      const isNamed = named.has(room) || named.has(`src/${floor}${room}`);
      assert(isNamed, `src/${floor}${room}`);
    }
  }
});

Deno.test("docs/design.md walks each way through six files at most", async () => {
  const page = await read("docs/design.md");
  const [, walked = ""] = page.split("\n## Three ways, walked\n");
  const ways = walked.split("\n## ")[0]!.split("\n### ").slice(1);
  assertEquals(ways.length, 3);
  for (const way of ways) {
    const steps = [...way.matchAll(/^\d\. .*$/gm)];
    const files = [...way.matchAll(/^\d\. [^`]*`(src\/[^`]+\.ts)`/gm)]
      .map(([, file]) => file!);
    assertEquals(files.length, steps.length, way);
    assert(files.length > 3 && files.length <= 6, way);
  }
});

/** The files of a folder and the folders in it. */
function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory) yield* filesIn(`${folder}${name}/`);
    else yield `${folder}${name}`;
  }
}

/** The examples in TypeScript of a page; in a module, those that import this package. */
async function examplesIn(path: string): Promise<string[]> {
  const text = await read(path);
  const markdown = path.endsWith(".md")
    ? text
    : [...text.matchAll(/\/\*\*[^]*?\*\//g)].join("\n")
      .replaceAll(/^ *\* ?/gm, "");
  return [...markdown.matchAll(/^```ts.*\n([^]*?)^```$/gm)]
    .map(([, code]) => code!)
    .filter((code) => text === markdown || code.includes("@x2go/rforward"));
}

Deno.test("the examples in README, docs and doc comments type-check, also those that are not run", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const files: string[] = [];
    for (const page of [...pages, "mod.ts", ...filesIn("src/")]) {
      for (const code of await examplesIn(page)) {
        const file = `${dir}/${files.length}.ts`;
        // A module, as `await` stands at the top.
        await Deno.writeTextFile(file, `// ${page}\n${code}export {};\n`);
        files.push(file);
      }
    }
    assert(files.length > 2);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", ...files],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
