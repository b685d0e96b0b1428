/** OpenSSH's `ssh` as the client of test servers. */
import { join } from "node:path";
import {
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from "../../src/testing/mod.ts";
import { run } from "../servers/run.ts";

/** A test server, and what `ssh` needs to log in to it. */
export interface Setting extends AsyncDisposable {
  readonly server: TestServer;
  /** A directory that is removed at the end. */
  readonly dir: string;
  /** The arguments of `ssh`; options and a command may follow. */
  readonly args: string[];
}

/** Starts a test server that `ssh` can log in to with a key. */
export async function setUp(options: TestServerOptions = {}): Promise<Setting> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-testing-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));

  const key = join(dir, "key");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const authorizedKeys = await Deno.readTextFile(`${key}.pub`);
  const server = stack.use(
    await startTestServer({ authorizedKeys, ...options }),
  );
  const knownHosts = join(dir, "known_hosts");
  await Deno.writeTextFile(knownHosts, server.knownHosts);

  const resources = stack.move();
  return {
    server,
    dir,
    args: [
      ...["-F", "none", "-i", key, "-o", "IdentitiesOnly=yes"],
      ...["-o", `UserKnownHostsFile=${knownHosts}`],
      ...["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"],
      ...["-o", "ExitOnForwardFailure=yes"],
      ...["-p", String(server.port), `${server.user}@${server.hostname}`],
    ],
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** An `ssh` that runs until it is disposed of. */
export interface Ssh extends AsyncDisposable {
  readonly status: Promise<Deno.CommandStatus>;
}

/**
 * Starts `ssh -N` with further options, e.g. `-R 0:localhost:80`.
 *
 * @returns once the server has answered all that they ask.
 * @throws {Error} with what `ssh` printed, if it ends before.
 */
export async function startSsh(
  { args }: Setting,
  ...options: string[]
): Promise<Ssh> {
  const child = new Deno.Command("ssh", {
    args: ["-v", ...args, "-N", ...options],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    let log = "";
    for await (
      const text of child.stderr.pipeThrough(new TextDecoderStream())
    ) {
      log += text;
      if (log.includes("all expected forwarding replies")) ready.resolve();
    }
    ready.reject(new Error(`ssh ended: ${log}`));
  })();
  const ssh = {
    status: child.status,
    async [Symbol.asyncDispose]() {
      try {
        child.kill();
      } catch (error) {
        // It has ended already.
        if (!(error instanceof TypeError)) throw error;
      }
      await Promise.all([reading, child.status]);
    },
  };
  try {
    await ready.promise;
    return ssh;
  } catch (error) {
    await ssh[Symbol.asyncDispose]();
    throw error;
  }
}
