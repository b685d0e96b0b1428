/**
 * A shared folder beside the same one in a local OpenSSH server, to which
 * `ssh -R` leads, with a session and with `-N`; a real X2Go server mounts them, in interleaved rounds:
 *
 *     deno run -A tests/bench/folders.ts [--netns] [--rounds N] [--mib N] [--json]
 *
 * Root only, as that server is. The folder is where `TMPDIR` says.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount, unmount } from "../../src/x2go/folders/mounting.ts";
import { X2GoSession } from "../../src/x2go/session/x2go_session.ts";
import { startSshd } from "../servers/openssh.ts";
import { run } from "../servers/run.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { startX2GoServer } from "../servers/x2go.ts";
import { connectTo, ready } from "../x2go/client.ts";
import { Desk } from "../x2go/desk.ts";
import { startProcess } from "./bench_process.ts";
import { countOption } from "./count_option.ts";
import { inspectEnvironment, runInNamespace, warnings } from "./environment.ts";
import { byName, table } from "./report.ts";

/** A folder on the X2Go server, until it is disposed. */
interface Mounted extends AsyncDisposable {
  readonly mountPoint: string | undefined;
}

const { values: options } = parseArgs({
  options: {
    netns: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    mib: { type: "string", default: "192" },
    json: { type: "boolean", default: false },
  },
});
if (options.netns) {
  Deno.exit(
    await runInNamespace(Deno.args.filter((arg) => arg !== "--netns")),
  );
}
const rounds = countOption("rounds", options.rounds);
const mib = countOption("mib", options.mib);

const environment = inspectEnvironment();
await using x2go = await startX2GoServer();
await using sshd = await startSshd({
  config: ["Subsystem sftp internal-sftp"],
});
await using connection = await connectTo(x2go);
await using session = await X2GoSession.start(connection, { command: "xterm" });
await using desk = await Desk.create();
const path = await desk.mkdir("folder");
const blocks = ["bs=1M", `count=${mib}`];
await run("dd", ["if=/dev/urandom", `of=${join(path, "here")}`, ...blocks]);

const copies: Record<string, string> = {
  "write MiB/s": "if=/dev/zero of=there conv=fsync",
  "read MiB/s": "if=here of=/dev/null",
};
const metrics = Object.keys(copies);
const results = [
  { client: "rforward", mount: () => session.shareFolder(path) },
  { client: "ssh -R", mount: () => mountThroughSsh([], ["sleep 600"]) },
  { client: "ssh -N -R", mount: () => mountThroughSsh(["-N"], []) },
].map((contestant) => ({
  ...contestant,
  rounds: metrics.map((): number[] => []),
}));

for (let round = 1; round <= rounds; round++) {
  for (const { client, mount, rounds: measured } of results) {
    console.error(`folders ${round}/${rounds}: ${client}`);
    // Anew each time, so that nothing is in the mount's cache.
    await using mounted: Mounted = await mount();
    for (const [i, copy] of Object.values(copies).entries()) {
      measured[i]?.push(mib / await secondsOf(copy, mounted));
    }
    await Deno.remove(join(path, "there"));
  }
}

if (options.json) {
  const folders = byName(metrics, results);
  console.log(
    JSON.stringify({ environment, rounds, mib, results: { folders } }, null, 2),
  );
} else {
  const { processor, processors, kernel, deno, congestionControl } =
    environment;
  console.log(
    `${processors} x ${processor}, Linux ${kernel}, ${congestionControl}, Deno ${deno}; ` +
      `median of ${rounds} rounds, ${mib} MiB a transfer\n`,
  );
  console.log(table("folders", metrics, results));
}
for (const warning of warnings(environment)) console.error(`! ${warning}`);

/**
 * What x2goclient does: `ssh -R` to an sshd of this side, which serves the
 * folder; with a session, or with `-N`, which leaves Nagle's algorithm on.
 */
async function mountThroughSsh(
  options: string[],
  command: string[],
): Promise<Mounted> {
  await using stack = new AsyncDisposableStack();
  const tunnel = stack.use(
    await startProcess("ssh", [
      ...options,
      ...["-o", "ExitOnForwardFailure=yes"],
      ...["-R", `127.0.0.1:0:127.0.0.1:${sshd.port}`],
      ...sshArguments(x2go),
      ...command,
    ], /^Allocated port (\d+) for remote forward/m),
  );
  const access = { connection, session: ready(session) };
  const mountPoint = await mount(access, {
    port: tunnel.port,
    user: sshd.user,
    privateKey: await Deno.readTextFile(sshd.keyFile),
    hostKey: sshd.knownHosts.slice(sshd.knownHosts.indexOf("ssh-")),
    path,
    kind: "folder",
  });
  if (!mountPoint) throw new Error(`the mount point of ${path} is taken`);
  stack.defer(() => unmount(connection, access.session.name, mountPoint));
  const resources = stack.move();
  return {
    mountPoint,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Has dd copy something in the folder, as a program of the session; returns how long it took. */
async function secondsOf(copy: string, { mountPoint }: Mounted) {
  const said = await x2go.run(
    `cd '${mountPoint}' && dd ${copy} ${blocks.join(" ")} 2>&1`,
  );
  const [, seconds] = / copied, ([\d.]+) s, /.exec(said) ?? [];
  return Number(seconds);
}
