import { join } from "node:path";
import { completions } from "../../../src/cli/command_line/completions.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";

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

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

serverTest(
  "bash",
  "completions() has bash complete options, values and hosts",
  async () => {
    await using home = await Home.create(completions("bash"));
    const complete = (...words: string[]) =>
      home.run(
        "bash",
        "--norc",
        "-c",
        'source ./script; _rforward rforward "${@: -1}" "${@: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"',
        "bash",
        "rforward",
        ...words,
      );
    assertEquals(await complete("--ver"), ["--verify-every", "--version"]);
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
    const names = Array.from(Deno.readDirSync(home.path), ({ name }) => name);
    assertEquals(names.includes("harm"), false);
  },
);

serverTest(
  "fish",
  "completions() has fish complete options, values and hosts",
  async () => {
    await using home = await Home.create(completions("fish"));
    const complete = async (line: string) => {
      const command = 'source ./script; complete -C "$argv[1]"';
      const lines = await home.run("fish", "-c", command, `rforward ${line}`);
      return lines.map((line) => line.split("\t")[0]);
    };
    assertEquals(await complete("--ver"), ["--verify-every", "--version"]);
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

/** Types lines into a shell on a terminal, Tab at their ends, and prints what the command is given. */
const typeIntoZsh = `
zmodload zsh/zpty
zpty shell 'zsh -f -i'
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D; source ./script'
zpty -w shell 'rforward() { print -r -- "$*" >> given; print D""ONE }'
for line; do
  zpty -w -n shell "rforward $line"$'\\t\\n'
  zpty -r -m shell output '*DONE*'
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
      await home.run("zsh", "-f", "-c", typeIntoZsh, "zsh", ...typed),
      lines.map(([, completed]) => completed),
    );
  },
);
