/** A child process that says on which port it can be reached. */
export interface BenchProcess extends AsyncDisposable {
  /** Its process id; undefined where nothing runs. */
  readonly pid: number | undefined;
  /** The port that it named. */
  readonly port: number;
}

/**
 * Starts a process and waits until it prints its port.
 *
 * @param ready Matches the line that names the port, as its first group.
 * @throws {Error} with what it printed if it ends before that.
 */
export async function startProcess(
  program: string,
  args: string[],
  ready: RegExp,
): Promise<BenchProcess> {
  const child = new Deno.Command("/bin/sh", {
    // ssh names the port on standard error.
    args: ["-c", 'exec "$0" "$@" 2>&1', program, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const reading = (async () => {
    let printed = "";
    let known = false;
    // To the end, lest it stops at a full pipe.
    for await (
      const text of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      if (known) console.error(`${program}: ${text.trimEnd()}`);
      printed += text;
      const port = printed.match(ready)?.[1];
      if (port === undefined || known) continue;
      known = true;
      resolve(Number(port));
    }
    reject(new Error(`${program} ended early: ${printed}`));
  })();
  return {
    pid: child.pid,
    port: await promise,
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await reading;
    },
  };
}
