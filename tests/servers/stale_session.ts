import { startProcess } from "../bench/bench_process.ts";
import { sshArguments, type SshServer } from "./ssh_server.ts";

/** A session of `ssh -R` that has stopped answering, and holds a port on the server. */
export interface StaleSession extends AsyncDisposable {
  /** The port that it holds. */
  readonly port: number;
  /** Ends it at once, as sshd does when it misses the client. */
  kill(): void;
}

/** Starts one; `ssh` has to be available. */
export async function startStaleSession(
  server: SshServer,
): Promise<StaleSession> {
  const ssh = await startProcess(
    "ssh",
    ["-N", "-R", "127.0.0.1:0:127.0.0.1:1", ...sshArguments(server)],
    /Allocated port (\d+)/,
  );
  let isStopped = true;
  Deno.kill(ssh.pid!, "SIGSTOP");
  const end = (signal: "SIGKILL" | "SIGCONT") => {
    if (isStopped) Deno.kill(ssh.pid!, signal);
    isStopped = false;
  };
  return {
    port: ssh.port,
    kill: () => end("SIGKILL"),
    async [Symbol.asyncDispose]() {
      end("SIGCONT"); // SIGTERM has no effect on a stopped process
      await ssh[Symbol.asyncDispose]();
    },
  };
}
