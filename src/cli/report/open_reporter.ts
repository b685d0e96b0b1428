import process from "node:process";
import { runDenoWith } from "../../permissions.ts";
import { readVariable } from "../../environment.ts";
import { ArgumentError } from "../../errors.ts";
import type { SupervisorSnapshot } from "../../forward/supervise/supervisor_options.ts";
import type { Arguments } from "../command_line/arguments.ts";
import { EventLog, timestamp } from "./lines/event_log.ts";
import { JsonLog } from "./json/json_log.ts";
import { LiveView } from "./live/live_view.ts";
import type { Output } from "./output.ts";
import { QueuedOutput } from "./queued_output.ts";
import type { Reporter } from "./reporter.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";

/**
 * Opens the reporter that the command line asks for.
 *
 * @param snapshot What a live view shows; nothing while it is undefined.
 * @param resources Takes ownership of what has to be closed.
 * @returns the reporter, and what else writes to standard error in turn with it.
 * @throws {ArgumentError} if the log file cannot be written.
 */
export function openReporter(
  { output, logFile, host }: Arguments,
  level: SshSettings["logLevel"],
  snapshot: () => SupervisorSnapshot | undefined,
  resources: AsyncDisposableStack,
): { reporter: Reporter; stderr: Output } {
  const verbosity = verbosityOf(level);
  const file = logFile === undefined
    ? undefined
    : resources.use(openLog(logFile));
  const isLive = output === "live" && !file && verbosity >= 0 &&
    Deno.stderr.isTerminal() && canMoveCursor();
  // Readers of a pipe, such as the journal, add times of their own, or expect
  // lines as ssh prints them.
  const isLog = file !== undefined || isFile(2);
  const queued = (out: typeof Deno.stdout) =>
    resources.use(
      new QueuedOutput(out, (lost) =>
        reporter.message(
          "warn",
          `${lost} lines are missing here: they were not read in time`,
        )),
    );
  const stderr = queued(Deno.stderr);
  const reporter: Reporter = output === "json"
    ? new JsonLog(file ?? queued(Deno.stdout), { verbosity })
    : isLive
    ? new LiveView(snapshot, stderr, { destination: host, verbosity })
    : new EventLog(file ?? stderr, {
      verbosity,
      prefix: isLog ? timestamp : undefined,
    });
  return { reporter: resources.use(reporter), stderr };
}

/**
 * Whether the terminal supports a live view; true if Deno may not look. A
 * terminal without a name does not, except on Windows, where names are not set.
 */
function canMoveCursor(): boolean {
  const { state } = Deno.permissions.querySync({
    name: "env",
    variable: "TERM",
  });
  if (Deno.build.os === "windows" || state !== "granted") return true;
  return !["", "dumb", "unknown"].includes(readVariable("TERM") ?? "");
}

/** Whether a descriptor is a regular file. */
function isFile(descriptor: number): boolean {
  const path = `/dev/fd/${descriptor}`;
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state === "granted") {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      // Not on Windows, and not where all of /dev needs a permission.
    }
  }
  // Not imported: it takes 20 to 50 ms to load.
  const { getBuiltinModule } = process as unknown as {
    getBuiltinModule(name: "node:fs"): typeof import("node:fs");
  };
  return getBuiltinModule("node:fs").fstatSync(descriptor).isFile();
}

function openLog(file: string): Deno.FsFile {
  try {
    return Deno.openSync(file, { create: true, append: true, mode: 0o600 });
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotCapable
      ? runDenoWith(`--allow-write=${file}`)
      : (cause as Error).message;
    throw new ArgumentError("-E", `cannot write to ${file}: ${why}`, { cause });
  }
}

function verbosityOf(level: SshSettings["logLevel"] = "INFO"): number {
  switch (level) {
    case "QUIET":
    case "FATAL":
    case "ERROR":
      return -1;
    case "INFO":
      return 0;
    case "VERBOSE":
    case "DEBUG1":
      return 1;
    case "DEBUG2":
      return 2;
    case "DEBUG3":
      return 3;
  }
}
