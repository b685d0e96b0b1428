import { join } from "node:path";
import { freePort } from "../servers/free_port.ts";
import { run } from "../servers/run.ts";
import type { Script } from "./scripts.ts";

/** Where Debian's package `openssh-tests` has the scripts. */
export const scriptDirectory = "/usr/lib/openssh/regress";

/** How long a script may take, in seconds. */
const LIMIT_S = 1800;

/** What a script calls a step, and what failed in it. */
export interface Step {
  readonly label: string;
  readonly failures: string[];
}

/** What became of a script. */
export interface Outcome {
  readonly steps: readonly Step[];
  /** How it ended, if that says more than the steps. */
  readonly problem?: string;
  readonly ms: number;
}

/**
 * Replaces the functions of test-exec.sh by which scripts say what they do and
 * what failed, so that both are written down; then runs the script.
 */
const RECORDER = `
trace () {
	start_debug_log $@
	echo "STEP: $*" >>$RFORWARD_STEPS
}
verbose () {
	start_debug_log $@
	echo "PART: $*" >>$RFORWARD_STEPS
}
save_debug_log () {
	(echo "$@"; echo "--- ssh"; cat $TEST_SSH_LOGFILE) >>$OBJ/failed.log
	echo "$*" >>$RFORWARD_STEPS
}
skip () {
	fail "skipped: $@"
	cleanup
	exit $RESULT
}
`;

/** Runs a script in a directory of its own, which is left for whoever wants to look. */
export async function runScript(
  { name }: Script,
  directory: string,
  ssh: string,
): Promise<Outcome> {
  const began = performance.now();
  // The scripts write where they are.
  await run("cp", ["-a", scriptDirectory, directory]);
  const script = join(directory, `recorded-${name}.sh`);
  await Deno.writeTextFile(script, `${RECORDER}. ${directory}/${name}.sh\n`);
  const steps = join(directory, "steps");
  await Deno.writeTextFile(steps, "");
  const temporary = join(directory, "tmp");
  await Deno.mkdir(temporary);
  const mark = `RFORWARD_REGRESS_RUN=${crypto.randomUUID()}`;
  const { code } = await new Deno.Command("timeout", {
    args: [
      ...["--kill-after=5", `${LIMIT_S}`],
      ...["env", mark, "sh", "test-exec.sh", directory, script],
    ],
    cwd: directory,
    env: {
      OBJ: directory,
      BUILDDIR: directory,
      RFORWARD_STEPS: steps,
      TMPDIR: temporary,
      PATH: `/usr/sbin:${Deno.env.get("PATH")}`,
      SUDO: "",
      TEST_SHELL: "sh",
      TEST_SSH_SSH: ssh,
      TEST_SSH_PORT: `${freePort()}`,
      TEST_SSH_QUIET: "yes",
      TEST_SSH_SFTPSERVER: "/usr/lib/openssh/sftp-server",
      TEST_SSH_UNSAFE_PERMISSIONS: "1",
    },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  await endRemaining(directory, mark);
  const outcome = readSteps(await Deno.readTextFile(steps));
  const failed = outcome.some(({ failures }) => failures.length > 0);
  return {
    steps: outcome,
    ...code !== 0 && !failed && { problem: `ended with status ${code}` },
    ms: performance.now() - began,
  };
}

/** What scripts say while they prepare a step, or what belongs to the one before. */
const PREPARATION =
  /^(generating key type|using cached key|wait for sshd|waiting for \d+ to exit|reset keys|hide private|restore private|ok )/;

/** Reads what the script wrote down. */
function readSteps(text: string): Step[] {
  const steps: Step[] = [];
  let part = "";
  for (const line of text.split("\n")) {
    const [, kind, message = ""] =
      /^(PART|STEP|FAIL|FATAL): (.*)$/.exec(line) ?? [];
    if (kind === "PART" || kind === "STEP") {
      if (PREPARATION.test(message)) continue;
      const last = steps.at(-1);
      // A part that has steps is not a step itself.
      const isHeading = kind === "STEP" && last?.label === part;
      if (isHeading && last?.failures.length === 0) steps.pop();
      if (kind === "PART") part = message;
      const label = kind === "PART" || part === ""
        ? message
        : `${part}: ${message}`;
      steps.push({ label, failures: [] });
    } else if (kind !== undefined) {
      if (steps.length === 0) steps.push({ label: "setup", failures: [] });
      const { failures } = steps.at(-1)!;
      // fatal() says it twice.
      if (!failures.includes(message)) failures.push(message);
    }
  }
  return steps;
}

/** Ends what a script has left running: servers, agents and clients in the background. */
async function endRemaining(directory: string, mark: string): Promise<void> {
  const pids: number[] = [];
  try {
    pids.push(Number(await Deno.readTextFile(join(directory, "pidfile"))));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`);
      if (environment.split("\0").includes(mark)) pids.push(Number(name));
    } catch {
      // It ended while we looked.
    }
  }
  for (const pid of pids) {
    try {
      Deno.kill(pid, "SIGTERM");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
