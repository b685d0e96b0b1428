/**
 * Runs OpenSSH's own regression tests of what this package covers, with an
 * adapter in the place of `ssh`, and prints which of their assertions hold.
 *
 *     deno task regress [SCRIPT…]
 *
 * They come from Debian's package `openssh-tests`, and take some minutes.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../servers/run.ts";
import { type ExpectedFailure, scripts } from "./scripts.ts";

/** How long a script may take, in milliseconds. */
const LIMIT_MS = 15 * 60_000;

interface Outcome {
  /** What was tried, as the script calls it. */
  steps: number;
  failures: string[];
}

/** A directory with the scripts, and a program that stands in for ssh. */
async function prepare(stack: AsyncDisposableStack): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "rforward-regress-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  // sshd reads files of it as other users.
  await Deno.chmod(dir, 0o755);
  await run("sh", [
    "-ec",
    'cd "$1"; apt-get download -qq openssh-tests; dpkg-deb -x openssh-tests*.deb .; mv usr/lib/openssh/regress obj',
    "sh",
    dir,
  ]);
  const path = (name: string) => fileURLToPath(import.meta.resolve(name));
  const adapter = join(dir, "ssh");
  await Deno.writeTextFile(
    adapter,
    `#!/bin/sh\nexec '${Deno.execPath()}' run --quiet --no-check --allow-all --config '${
      path("../../deno.json")
    }' '${path("./ssh.ts")}' "$@"\n`,
    { mode: 0o755 },
  );
  return dir;
}

async function runScript(dir: string, script: string): Promise<Outcome> {
  const obj = join(dir, "obj");
  const log = join(obj, "failed-regress.log");
  await Deno.writeTextFile(log, "");
  const child = new Deno.Command("sh", {
    args: ["test-exec.sh", obj, join(obj, script)],
    cwd: obj,
    env: {
      OBJ: obj,
      BUILDDIR: obj,
      TEST_SSH_SSH: join(dir, "ssh"),
      TEST_SSH_SFTPSERVER: "/usr/lib/openssh/sftp-server",
      TEST_SSH_UNSAFE_PERMISSIONS: "1",
      TEST_SSH_TRACE: "yes",
      TEST_SSH_ECC: "yes",
      TEST_SHELL: "sh",
      SUDO: "",
      USER: "root",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).spawn();
  const { code, stdout } = await child.output();
  // What it tried, and after each failure all that was said since then.
  const failures = (await Deno.readTextFile(log)).trim().split("\n\n")
    .filter((block) => block !== "").map((block) => {
      const lines = block.split("\n");
      return `${lines[0]!.replace(/^trace: /, "")}: ${lines.at(-1)}`;
    });
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  if (code !== 0 && failures.length === 0) {
    failures.push(`ended with ${code}: ${lines.at(-1)}`);
  }
  const steps =
    lines.filter((line) =>
      !/^(generating|using cached) key type|^wait for sshd|^ok |^failed /.test(
        line,
      )
    ).length - failures.length;
  return { steps, failures };
}

/** @returns the failures that are not expected, and the expectations that nothing came of. */
function unexpected(
  failures: readonly string[],
  expected: readonly ExpectedFailure[],
): string[] {
  return [
    ...failures.filter((it) => !expected.some(({ match }) => match.test(it))),
    ...expected.filter(({ match }) => !failures.some((it) => match.test(it)))
      .map(({ match }) => `${match} did not fail`),
  ];
}

async function main(chosen: readonly string[]): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const dir = await prepare(stack);
  let wrong = 0;
  for (const [script, expected] of Object.entries(scripts)) {
    if (chosen.length > 0 && !chosen.includes(script)) continue;
    const { steps, failures } = await runScript(dir, `${script}.sh`);
    const surprises = unexpected(failures, expected);
    const known = failures.length - surprises.length;
    console.log(
      `${surprises.length === 0 ? "ok    " : "FAILED"} ${script.padEnd(18)} ${
        String(steps).padStart(4)
      } steps${known > 0 ? `, ${known} failures that are expected:` : ""}`,
    );
    for (const { reason, match } of expected) {
      const count = failures.filter((it) => match.test(it)).length;
      if (count > 0) console.log(`         ${count} × ${reason}`);
    }
    for (const surprise of surprises) console.log(`         ${surprise}`);
    wrong += surprises.length;
  }
  return wrong === 0 ? 0 : 1;
}

Deno.exit(await main(Deno.args));
