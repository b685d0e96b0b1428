import { findProgram } from "./availability.ts";
import { run } from "./run.ts";

/** A real ssh-agent. */
export interface SshAgent extends AsyncDisposable {
  /** Its socket. */
  readonly socket: string;
}

/** Starts an ssh-agent with the keys of some files, and those that further calls of `ssh-add` add. */
export async function startSshAgent(
  files: string[],
  ...additions: string[][]
): Promise<SshAgent> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-agent-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const socket = `${dir}/socket`;
  const child = stack.use(
    new Deno.Command(findProgram("ssh-agent") ?? "ssh-agent", {
      // FIDO libraries are used from anywhere.
      args: ["-D", "-a", socket, "-P", "/*"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn(),
  );
  await listening(socket);
  for (const args of [...files.map((file) => [file]), ...additions]) {
    await run("env", [`SSH_AUTH_SOCK=${socket}`, "ssh-add", "-q", ...args]);
  }
  const resources = stack.move();
  return {
    socket,
    async [Symbol.asyncDispose]() {
      child.kill();
      await resources.disposeAsync();
    },
  };
}

/** The socket exists some time before the agent listens on it. */
async function listening(path: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return (await Deno.connect({ transport: "unix", path })).close();
    } catch (error) {
      if (attempt === 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
