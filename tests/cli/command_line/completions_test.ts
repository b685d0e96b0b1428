import { join } from "node:path";
import { completions } from "../../../src/cli/command_line/completions.ts";
import { flag, text } from "../../../src/cli/command_line/flag.ts";
import { flags } from "../../../src/cli/command_line/flag_table.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";

/** The flags that a shell is to offer. */
const offered = flags.filter(({ help }) => help !== undefined)
  .flatMap(({ names }) => names);

/** Quotes and other characters that are special to shells. */
const HARM = "$(touch harm)`touch harm`";
const words = [`it's`, `a"b`, "back\\slash", HARM, "co:lon", "[x](y)", "*"];
const quoted = flag({
  names: ["--quoted"],
  value: text("WORD", words),
  help: `don't "stop" [here] \\ ${HARM}`,
  read: () => {},
});

/** A home directory with hosts to complete, and a completion script. */
class Home implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(script: string): Promise<Home> {
    const path = await Deno.makeTempDir();
    await Deno.mkdir(join(path, ".ssh"));
    await Deno.writeTextFile(join(path, "script"), script);
    await Deno.writeTextFile(
      join(path, ".ssh/config"),
      "Host alpha beta.example *.wild !not\n  Port 2\nhost gamma\n",
    );
    await Deno.writeTextFile(
      join(path, ".ssh/known_hosts"),
      [
        "|1|c2FsdA==|aGFzaA== ssh-ed25519 AAAA",
        "kappa.example,192.0.2.7 ssh-ed25519 AAAA",
        "[lambda.example]:2222,[2001:db8::1]:2222 ssh-ed25519 AAAA",
        "@revoked omega.example ssh-ed25519 AAAA",
        "$(touch${IFS}~/harm) ssh-ed25519 AAAA",
      ].join("\n"),
    );
    return new Home(path);
  }

  async run(program: string, ...args: string[]): Promise<string[]> {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: this.path,
      env: { HOME: this.path, XDG_CONFIG_HOME: this.path, TERM: "dumb" },
      stdin: "null",
      signal: AbortSignal.timeout(60_000),
    }).output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stderr));
    return decoder.decode(stdout).split("\n").filter((line) => line !== "");
  }

  /** Nothing that was to be completed was run. */
  async assertUnharmed(): Promise<void> {
    const names = await Array.fromAsync(
      Deno.readDir(this.path),
      ({ name }) => name,
    );
    assertEquals(names.includes("harm"), false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

serverTest(
  "bash",
  "completions() has bash complete options, values and hosts",
  async () => {
    await using home = await Home.create(completions("bash"));
    const complete = (...words: string[]) => completeInBash(home, ...words);
    assertEquals(await complete("--ver"), [
      "--verify",
      "--verify-every",
      "--version",
    ]);
    assertEquals((await complete("-")).toSorted(), offered.toSorted());
    assertEquals(await complete("--completions", ""), ["bash", "zsh", "fish"]);
    assertEquals(await complete("-p", ""), []);
    assertEquals(
      await complete("-o", "Server"),
      ["ServerAliveCountMax=", "ServerAliveInterval="],
    );
    assertEquals(await complete("-c", "chacha"), [
      "chacha20-poly1305@openssh.com",
    ]);
    assertEquals(await complete("-E", "scr"), ["script"]);
    assertEquals(await complete("-N", ""), [
      "192.0.2.7",
      "2001:db8::1",
      "alpha",
      "beta.example",
      "gamma",
      "kappa.example",
      "lambda.example",
    ]);
    assertEquals(await complete("alice@ga"), ["alice@gamma"]);
    assertEquals(await complete("@", "@ga"), ["@gamma"]);
    assertEquals(await complete("-J", "ka"), ["kappa.example"]);
    await home.assertUnharmed();
  },
);

serverTest("bash", "completions() escapes quotes for bash", async () => {
  await using home = await Home.create(completions("bash", [quoted]));
  assertEquals(await completeInBash(home, "--q"), ["--quoted"]);
  assertEquals(await completeInBash(home, "--quoted", ""), words);
  await home.assertUnharmed();
});

function completeInBash(home: Home, ...words: string[]): Promise<string[]> {
  return home.run(
    "bash",
    "--norc",
    "-c",
    'set -f; source ./script; _rforward rforward "${@: -1}" "${@: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"',
    "bash",
    "rforward",
    ...words,
  );
}

serverTest(
  "fish",
  "completions() has fish complete options, values and hosts",
  async () => {
    await using home = await Home.create(completions("fish"));
    const complete = async (line: string) =>
      (await completeInFish(home, line)).map((line) => line.split("\t")[0]!);
    assertEquals(
      new Set([...await complete("-"), ...await complete("--")]),
      new Set(offered),
    );
    assertEquals(await complete("--ver"), [
      "--verify",
      "--verify-every",
      "--version",
    ]);
    assertEquals(await complete("--completions "), ["bash", "fish", "zsh"]);
    assertEquals(await complete("--drain "), []);
    assertEquals(
      await complete("-o ServerAliveC"),
      ["ServerAliveCountMax="],
    );
    assertEquals(await complete("-m hmac-sha2-512-"), [
      "hmac-sha2-512-etm@openssh.com",
    ]);
    assertEquals(await complete("-E scr"), ["script"]);
    assertEquals(await complete("-N ga"), ["gamma"]);
    assertEquals(await complete("alice@lam"), ["alice@lambda.example"]);
    assertEquals(await complete("-J ka"), ["kappa.example"]);
  },
);

serverTest("fish", "completions() escapes quotes for fish", async () => {
  await using home = await Home.create(completions("fish", [quoted]));
  assertEquals(await completeInFish(home, "--q"), [
    `--quoted\t${quoted.help}`,
  ]);
  assertEquals(
    (await completeInFish(home, "--quoted ")).toSorted(),
    words.map((word) => `${word}\t${quoted.help}`).toSorted(),
  );
  await home.assertUnharmed();
});

function completeInFish(home: Home, line: string): Promise<string[]> {
  const command = 'source ./script; complete -C "$argv[1]"';
  return home.run("fish", "-c", command, `rforward ${line}`);
}

/** Types lines into a shell on a terminal, Tab at their ends, and prints what the command is given. */
const typeIntoZsh = `
zmodload zsh/zpty
zpty shell 'zsh -f -i'
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D; source ./script'
zpty -w shell 'rforward() { print -r -- "$*" >> given; print D""ONE }'
for line; do
  zpty -w -n shell "rforward $line"$'\\t\\n'
  zpty -r -m shell output '*DONE*'
  print -r -- "$output" >> terminal
done
zpty -d shell
cat given
`;

serverTest(
  "zsh",
  "completions() has zsh complete options, values and hosts",
  async () => {
    await using home = await Home.create(completions("zsh"));
    const lines = [
      ["--no-", "--no-verify"],
      ["--completions=fi", "--completions=fish"],
      ["-E scr", "-E script"],
      ["-o ServerAliveC", "-o ServerAliveCountMax="],
      ["-c chacha", "-c chacha20-poly1305@openssh.com"],
      ["-Np22 ga", "-Np22 gamma"],
      ["alice@lam", "alice@lambda.example"],
      ["-J a@x,ka", "-J a@x,kappa.example"],
    ];
    const typed = lines.flatMap(([line = ""]) => line);
    assertEquals(
      await completeInZsh(home, ...typed),
      lines.map(([, completed]) => completed),
    );
    const script = completions("zsh");
    for (const name of offered) assert(script.includes(`'*${name}`), name);
  },
);

serverTest("zsh", "completions() escapes quotes for zsh", async () => {
  const plain = flag({ names: ["--quiet"], help: "plain", read: () => {} });
  await using home = await Home.create(completions("zsh", [quoted, plain]));
  const prefixes = ["it", "a", "back", "\\$", "co", "\\[", "\\*"];
  assertEquals(
    await completeInZsh(home, ...prefixes.map((p) => `--quoted=${p}`)),
    words.map((word) => `--quoted=${word}`),
  );
  await completeInZsh(home, "--qu");
  const terminal = await Deno.readTextFile(join(home.path, "terminal"));
  assert(terminal.includes(quoted.help!), terminal);
  await home.assertUnharmed();
});

function completeInZsh(home: Home, ...lines: string[]): Promise<string[]> {
  return home.run("zsh", "-f", "-c", typeIntoZsh, "zsh", ...lines);
}
