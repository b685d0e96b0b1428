import { existsSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { within } from "../within.ts";
import { run } from "./run.ts";

/** A program to run in a terminal. */
export interface TerminalOptions {
  /** The program. */
  program: string;
  args?: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Redirections as a shell has them, e.g. `"2>log </dev/null"`. */
  redirect?: string;
  /** The terminal's size; 100 columns and 40 rows by default. */
  columns?: number;
  rows?: number;
}

/** How long anything may take to be seen, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * A program in a pseudo-terminal of its own, in the foreground as a shell would
 * have it: `/dev/tty` is there, keys are typed, Ctrl-C is a signal. The terminal
 * outlives the program until it is disposed of, so that the state it was left
 * in can be seen. `script` makes the terminal; every Debian has it.
 */
export class TerminalProcess implements AsyncDisposable {
  readonly #script: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #collected: Promise<void>;
  /** Sets the shells' own lines apart from what the program shows. */
  readonly #mark = crypto.randomUUID();
  #output = "";
  #seen = 0;
  #changed = Promise.withResolvers<void>();
  #device = "";
  #pid = 0;

  private constructor(options: TerminalOptions) {
    const { program, args = [], redirect = "", env, cwd } = options;
    const { columns = 100, rows = 40 } = options;
    const inner = [
      `printf '${this.#mark} %s %d\n' "$(tty)" $$`,
      `exec ${[program, ...args].map(quote).join(" ")} ${redirect}`,
    ].join("; ");
    // The inner shell becomes the program. The outer one outlives it, and what
    // is typed then leads nowhere.
    const outer = [
      `stty cols ${columns} rows ${rows}`,
      "trap : INT QUIT",
      `sh -c ${quote(inner)}`,
      `printf '${this.#mark} %d\n' $?`,
      "exec cat >/dev/null",
    ].join("; ");
    this.#script = new Deno.Command("script", {
      args: ["--quiet", "--flush", "--command", outer, "/dev/null"],
      env: { SHELL: "/bin/sh", TERM: "xterm", ...env },
      ...cwd === undefined ? {} : { cwd },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keys = this.#script.stdin.getWriter();
    this.#collected = this.#collect();
  }

  /** Starts it. */
  static async start(options: TerminalOptions): Promise<TerminalProcess> {
    await using stack = new AsyncDisposableStack();
    const terminal = stack.use(new TerminalProcess(options));
    const [device = "", pid] = await terminal.#marked(/(\/\S+) (\d+)\r?\n/);
    terminal.#device = device;
    terminal.#pid = Number(pid);
    stack.move();
    return terminal;
  }

  /** The program's process id. */
  get pid(): number {
    return this.#pid;
  }

  /** All that was shown so far, as it came. */
  get output(): string {
    return this.#output;
  }

  /** All that was shown so far, line by line, without what moves the cursor or colours. */
  get text(): string {
    // An incomplete sequence must not be taken for text.
    // deno-lint-ignore no-control-regex -- ESC begins it
    const whole = this.#output.replace(/\x1b[^A-Za-z]*$/, "");
    return stripVTControlCharacters(whole)
      .replaceAll(/\r+\n/g, "\n")
      .replaceAll(new RegExp(`${this.#mark}.*\n?`, "g"), "");
  }

  /** Types keys: `"\r"` is Enter, `"\x03"` Ctrl-C, `"\x7f"` Backspace. */
  async type(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Waits for text after the last match. */
  async see(pattern: string | RegExp): Promise<RegExpMatchArray> {
    const regExp = new RegExp(
      typeof pattern === "string" ? RegExp.escape(pattern) : pattern,
    );
    const match = await this.#until(
      `${pattern}`,
      () => this.text.slice(this.#seen).match(regExp),
    );
    this.#seen += match.index! + match[0].length;
    return match;
  }

  /** Whether the terminal shows what is typed. */
  async echoes(): Promise<boolean> {
    const settings = await run("stty", ["-F", this.#device, "-a"]);
    return /\s-?echo\s/.exec(settings)?.[0].trim() === "echo";
  }

  /** Turns echo and line input on, as a shell does when a program was stopped. */
  async setEcho(): Promise<void> {
    await run("stty", ["-F", this.#device, "icanon", "echo"]);
  }

  /** Signals the program. */
  kill(signal: Deno.Signal): void {
    Deno.kill(this.#pid, signal);
  }

  /** Takes the terminal away, as a lost login does. */
  hangUp(): void {
    this.#script.kill("SIGKILL");
  }

  /** Whether the program runs. */
  get isAlive(): boolean {
    return existsSync(`/proc/${this.#pid}`);
  }

  /** Waits until the program has ended; a signal counts as 128 and its number, as in a shell. */
  async exitCode(): Promise<number> {
    const [code] = await this.#marked(/(\d+)\r?\n/);
    return Number(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#pid !== 0 && this.#findMarked(/(\d+)\r?\n/) === undefined) {
      killIfAlive(() => Deno.kill(this.#pid, "SIGKILL"));
    }
    killIfAlive(() => this.hangUp());
    await this.#collected;
    await this.#keys.abort().catch(() => {}); // what was typed last may not have been read
    await this.#script.status;
  }

  async #collect(): Promise<void> {
    const output = this.#script.stdout.pipeThrough(new TextDecoderStream());
    for await (const text of output) {
      this.#output += text;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }

  #marked(pattern: RegExp): Promise<string[]> {
    return this.#until(`${pattern}`, () => this.#findMarked(pattern));
  }

  #findMarked(pattern: RegExp): string[] | undefined {
    return this.#output.match(`${this.#mark} ${pattern.source}`)?.slice(1);
  }

  async #until<T>(what: string, find: () => T | null | undefined): Promise<T> {
    const search = async () => {
      for (;;) {
        const found = find();
        if (found) return found;
        await this.#changed.promise;
      }
    };
    try {
      return await within(PATIENCE_MS, what, search());
    } catch (cause) {
      throw new Error(`not seen: ${what}, but:\n${this.text}`, { cause });
    }
  }
}

/** Where the terminal hung up, the program may have ended by itself. */
function killIfAlive(kill: () => void): void {
  try {
    kill();
  } catch (error) {
    const isGone = error instanceof Deno.errors.NotFound ||
      error instanceof TypeError;
    if (!isGone) throw error;
  }
}

/** One word for a shell, whatever is in it. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
