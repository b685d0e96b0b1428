/** Runs Deno as a process of its own, for tests of permissions, the environment and how a process ends. */
export interface DenoRun {
  /** The module to run. */
  script: string;
  /** Becomes `JSON.parse(Deno.args[0])`. */
  argument?: unknown;
  /** The permissions it has, e.g. `"--allow-net=127.0.0.1:22"`; none by default. */
  permissions?: string[];
  /** Its environment, besides what Deno itself needs. */
  env?: Record<string, string>;
}

/** What became of it. */
export interface DenoResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Where a script can import this package from. */
export const packageUrl = new URL("../mod.ts", import.meta.url).href;

/** Runs a script with exactly the permissions that are given. */
export async function runDeno(run: DenoRun): Promise<DenoResult> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, run.script);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--no-check"],
        `--config=${new URL("../deno.json", import.meta.url).pathname}`,
        ...run.permissions ?? [],
        file,
        JSON.stringify(run.argument ?? null),
      ],
      env: { NO_COLOR: "1", SSH_AUTH_SOCK: "", ...run.env },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } finally {
    await Deno.remove(file);
  }
}
