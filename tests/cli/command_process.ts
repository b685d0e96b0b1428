import { within } from "../within.ts";

/** How the command is started. */
export interface CommandOptions {
  args: readonly string[];
  /** The program and its first arguments; the source with all permissions by default. */
  command?: readonly string[];
  /** Its environment, besides this process's. */
  env?: Record<string, string>;
}

/** What became of it. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** The command's source. */
export const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** The source of the command with some permissions, which is all that it gets. */
export function withPermissions(...permissions: string[]): string[] {
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt"],
    ...permissions,
    main,
  ];
}

/** How long anything may take, in milliseconds. */
const PATIENCE_MS = 20_000;

/** The command as a process without a terminal, and what it prints; disposing kills it. */
export class CommandProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<CommandResult>;
  #stdout = "";
  #stderr = "";
  #more = Promise.withResolvers<void>();

  /** Starts it. */
  constructor({ args, command, env }: CommandOptions) {
    // In a session of its own there is no /dev/tty, wherever the tests run.
    this.#child = new Deno.Command("setsid", {
      args: [...command ?? withPermissions("--allow-all"), ...args],
      env: { NO_COLOR: "1", SSH_AUTH_SOCK: "", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#ended = this.#collect();
  }

  /** What it printed on standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What it printed on standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until its standard output or error has what is looked for. */
  async see(pattern: RegExp): Promise<RegExpExecArray> {
    const search = async () => {
      for (;;) {
        const found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
        if (found) return found;
        await Promise.race([this.#more.promise, this.#ended.then(fail)]);
      }
    };
    const fail = () => {
      if (!pattern.test(this.#stdout) && !pattern.test(this.#stderr)) {
        throw new Error("it has ended");
      }
    };
    try {
      return await within(PATIENCE_MS, `${pattern}`, search());
    } catch (cause) {
      const said = `${this.#stdout}\n${this.#stderr}`;
      throw new Error(`not seen: ${pattern}, but:\n${said}`, { cause });
    }
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits until it has ended by itself. */
  ended(): Promise<CommandResult> {
    return within(PATIENCE_MS, "end of the command", this.#ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
    await this.#ended;
  }

  async #collect(): Promise<CommandResult> {
    const collect = async (
      stream: ReadableStream<Uint8Array<ArrayBuffer>>,
      add: (text: string) => void,
    ) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        add(text);
        this.#more.resolve();
        this.#more = Promise.withResolvers();
      }
    };
    const [{ code }] = await Promise.all([
      this.#child.status,
      collect(this.#child.stdout, (text) => this.#stdout += text),
      collect(this.#child.stderr, (text) => this.#stderr += text),
    ]);
    return { code, stdout: this.#stdout, stderr: this.#stderr };
  }
}

/** Runs the command to its end. */
export async function runCommand(
  options: CommandOptions,
): Promise<CommandResult> {
  await using process = new CommandProcess(options);
  return await process.ended();
}
