import { join } from "node:path";
import { findProgram } from "./availability.ts";
import { withFreePort } from "./free_port.ts";
import { Recording } from "./recording.ts";
import { createTemporaryUser } from "./temporary_user.ts";
import { endProcessesOf } from "./user_processes.ts";
import { within } from "../within.ts";

/** A real PulseAudio with a null sink, of a user of its own. */
export interface PulseAudio extends AsyncDisposable {
  /** The user's `XDG_RUNTIME_DIR`. */
  readonly runtimeDir: string;
  /** Its Unix socket, where libpulse looks for it. */
  readonly socket: string;
  /** Another Unix socket, which treats every client as its user, as PulseAudio's own does with processes of its user, and PipeWire's with all. */
  readonly trustingSocket: string;
  /** Its TCP port on 127.0.0.1, which wants the cookie. */
  readonly port: number;
  /** The file that holds the cookie. */
  readonly cookieFile: string;
  /** The user's home directory. */
  readonly home: string;
  /** What it has logged. */
  log(): Promise<string>;
  /** Records what it plays, from now on. */
  record(): Promise<Recording>;
}

/** Starts a PulseAudio of its own; root only, because it adds a user: PulseAudio is nothing for root. */
export async function startPulseAudio(): Promise<PulseAudio> {
  await using stack = new AsyncDisposableStack();
  const user = stack.use(await createTemporaryUser());
  stack.defer(() => endProcessesOf(user.uid));

  const { home } = user;
  const runtimeDir = join(home, "run");
  for (const path of [".config", ".config/pulse", "run", "run/pulse"]) {
    await user.mkdir(join(home, path));
  }
  const cookieFile = join(home, ".config/pulse/cookie");
  await user.write(cookieFile, crypto.randomUUID().padEnd(256, "x"));
  const socket = join(runtimeDir, "pulse/native");
  const trustingSocket = join(runtimeDir, "pulse/trusting");
  const last = join(runtimeDir, "pulse/last");
  const logFile = join(home, "log");

  const port = await withFreePort(async (port) => {
    const script = join(home, "script.pa");
    await user.write(
      script,
      [
        "load-module module-null-sink sink_name=out rate=44100 channels=2 format=s16le",
        `load-module module-native-protocol-tcp listen=127.0.0.1 port=${port} auth-cookie=${cookieFile} auth-anonymous=0`,
        `load-module module-native-protocol-unix socket=${socket} auth-anonymous=0`,
        `load-module module-native-protocol-unix socket=${trustingSocket} auth-anonymous=1`,
        // Last: once its socket is there, the others listen.
        `load-module module-cli-protocol-unix socket=${last}`,
        "",
      ].join("\n"),
    );
    using watcher = Deno.watchFs(join(runtimeDir, "pulse"));
    const child = new Deno.Command("setpriv", {
      args: [
        ...["--reuid", user.name, "--regid", user.name, "--clear-groups"],
        ...[findProgram("pulseaudio") ?? "pulseaudio", "-n", "--daemonize=no"],
        ...["--exit-idle-time=-1", "--use-pid-file=no", "--log-level=info"],
        ...[`--log-target=file:${logFile}`, "-F", script],
      ],
      clearEnv: true,
      env: { HOME: home, PATH: "/usr/bin:/bin", XDG_RUNTIME_DIR: runtimeDir },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const listening = (async () => {
      for await (const event of watcher) {
        if (event.paths.includes(last)) return true;
      }
      return false;
    })();
    const started = Promise.race([
      listening,
      child.status.then(() => false),
    ]);
    if (!await within(30_000, "PulseAudio's start", started)) {
      throw new Error(
        `pulseaudio did not start: ${await Deno.readTextFile(logFile)}`,
      );
    }
    stack.defer(async () => void await child.status);
    stack.defer(() => child.kill());
    return port;
  });

  const resources = stack.move();
  return {
    runtimeDir,
    socket,
    trustingSocket,
    port,
    cookieFile,
    home,
    log: () => Deno.readTextFile(logFile),
    record: () =>
      Recording.start("out.monitor", {
        PULSE_SERVER: `unix:${socket}`,
        PULSE_COOKIE: cookieFile,
      }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
