/** An example that runs as its users run it: a process of its own, with the permissions that it names. */
import { TextLineStream } from "./std/streams.ts";

/** How an example is started. */
export interface ExampleOptions {
  /** The file's name in `examples/`. */
  name: string;
  /** The permission flags. */
  permissions: string[];
  args?: string[];
  env?: Record<string, string>;
  /** A configuration other than the package's. */
  config?: string;
}

/** An example under way. */
export interface ExampleProcess extends AsyncDisposable {
  readonly status: Promise<Deno.CommandStatus>;
  /** Waits for a line of its output. */
  line(pattern: RegExp): Promise<string>;
  /** Everything it printed to standard output and error, once it has ended. */
  output(): Promise<string>;
  kill(signal: Deno.Signal): void;
}

/** Starts an example; disposing ends it. */
export function startExample(
  { name, permissions, args = [], env = {}, config }: ExampleOptions,
): ExampleProcess {
  const root = new URL("../../", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      ...(config ? ["--config", config, "--no-lock"] : []),
      ...permissions,
      `examples/${name}`,
      ...args,
    ],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  let wake: (() => void) | undefined;
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    const text = stream.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of text) {
      lines.push(line);
      wake?.();
    }
  };
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)])
    .then(() => wake?.());
  return {
    status: child.status,
    async line(pattern) {
      for (let seen = 0;; seen++) {
        while (seen === lines.length) {
          const more = Promise.withResolvers<void>();
          wake = more.resolve;
          const ended = await Promise.race([
            more.promise.then(() => false),
            collected.then(() => true),
          ]);
          if (ended && seen === lines.length) {
            throw new Error(
              `${name} never said ${pattern}:\n${lines.join("\n")}`,
            );
          }
        }
        const line = lines[seen]!;
        if (pattern.test(line)) return line;
      }
    },
    async output() {
      await collected;
      return lines.join("\n");
    },
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It has ended by itself.
        if (!(error instanceof TypeError)) throw error;
      }
      await collected;
      await child.status;
    },
  };
}
