import { findProgram } from "./availability.ts";
import { withFreePort } from "./free_port.ts";
import { listeningAt } from "./listening.ts";

/** A program that listens on a port of loopback; disposing kills it. */
export interface ListeningProgram extends AsyncDisposable {
  readonly port: number;
}

/** Starts a program on a free port, and waits until it listens: for those that do not say when. */
export async function startListening(
  program: string,
  args: (port: number) => string[],
): Promise<ListeningProgram> {
  const { child, port } = await withFreePort(async (port) => {
    const child = new Deno.Command(findProgram(program) ?? program, {
      args: args(port),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let ended = false;
    child.status.then(() => ended = true);
    while (!ended && listeningAt(port).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (ended) throw new Error(`${program} did not start`);
    return { child, port };
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}
