import { dirname, join } from "node:path";
import { findProgram } from "./availability.ts";

/** A real PipeWire that speaks PulseAudio's protocol. It plays nothing: no session manager runs. */
export interface PipeWire extends AsyncDisposable {
  /** Its Unix socket, where libpulse looks for it. */
  readonly socket: string;
}

/** Starts a PipeWire of its own. */
export async function startPipeWire(): Promise<PipeWire> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-pipewire-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  // The directory is there first, so that it can be watched.
  await Deno.mkdir(join(dir, "pulse"), { mode: 0o700 });
  stack.use(await start("pipewire", dir, join(dir, "pipewire-0")));
  const socket = join(dir, "pulse/native");
  stack.use(await start("pipewire-pulse", dir, socket));
  const resources = stack.move();
  return {
    socket,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Starts a program and waits for its socket. */
async function start(
  name: "pipewire" | "pipewire-pulse",
  dir: string,
  socket: string,
): Promise<AsyncDisposableStack> {
  await using stack = new AsyncDisposableStack();
  using watcher = Deno.watchFs(dirname(socket));
  const child = new Deno.Command(findProgram(name) ?? name, {
    clearEnv: true,
    env: { HOME: dir, PATH: "/usr/bin:/bin", XDG_RUNTIME_DIR: dir },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  stack.defer(async () => void await child.status);
  stack.defer(() => child.kill());
  const listening = (async () => {
    for await (const { paths } of watcher) {
      if (paths.includes(socket)) return true;
    }
    return false;
  })();
  if (!await Promise.race([listening, child.status.then(() => false)])) {
    throw new Error(`${name} did not start`);
  }
  await accepts(socket);
  return stack.move();
}

/** A socket is there before its program listens. */
async function accepts(path: string): Promise<void> {
  while (true) {
    try {
      return (await Deno.connect({ transport: "unix", path })).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
}
