/**
 * A shared folder beside the same folder of a local OpenSSH server, which
 * `ssh -R` leads to: both mounted by a real X2Go server, in interleaved rounds.
 *
 *     deno run -A tests/bench/folders.ts [--netns] [--rounds N] [--mib N] [--json]
 *
 * Root only, as X2Go's fixture is. `TMPDIR` says where the folder is.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount, unmount } from "../../src/x2go/mounting.ts";
import { X2GoSession } from "../../src/x2go/session.ts";
import { run } from "../servers/run.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { startX2GoServer } from "../servers/x2go.ts";
import { connectTo, ready } from "../x2go/client.ts";
import { Desk } from "../x2go/desk.ts";
import { startProcess } from "./bench_process.ts";
import { inspectEnvironment, runInNamespace, warnings } from "./environment.ts";
import { median, table } from "./report.ts";

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
const [rounds, mib] = [Number(options.rounds), Number(options.mib)];

const environment = inspectEnvironment();
await using x2go = await startX2GoServer();
await using sshd = await startSshd({
  config: ["Subsystem sftp internal-sftp"],
});
await using connection = await connectTo(x2go);
await using session = await X2GoSession.start(connection, { command: "xterm" });
await using desk = await Desk.create();
const path = await desk.mkdir("folder");
await run("dd", ["if=/dev/urandom", `of=${join(path, "there")}`, ...blocks()]);

/** Who serves the folder; each calls `use` with where it is mounted. */
const servers: Record<
  string,
  (use: (mountPoint: string) => Promise<void>) => Promise<void>
> = {
  async rforward(use) {
    await using share = await session.shareFolder(path);
    await use(share.mountPoint!);
  },
  async "ssh -R"(use) {
    await using tunnel = await startProcess(
      "ssh",
      [
        ...sshArguments(x2go),
        ...["-N", "-o", "ExitOnForwardFailure=yes"],
        ...["-R", `127.0.0.1:0:127.0.0.1:${sshd.port}`],
      ],
      /^Allocated port (\d+) for remote forward/m,
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
    await use(mountPoint!);
    await unmount(connection, access.session.name, mountPoint!);
  },
};

const metrics = ["write MiB/s", "read MiB/s"];
const results = Object.entries(servers).map(([client, mounted]) => ({
  client,
  mounted,
  rounds: metrics.map((): number[] => []),
}));
for (let round = 1; round <= rounds; round++) {
  for (const { client, mounted, rounds: measured } of results) {
    console.error(`${round}/${rounds}: ${client}`);
    // A new mount has nothing of the files in its cache.
    await mounted(async (mountPoint) => {
      const copies = [
        "if=/dev/zero of=new conv=fsync",
        "if=there of=/dev/null",
      ];
      for (const [i, copy] of copies.entries()) {
        const said = await x2go.run(
          `cd '${mountPoint}' && dd ${copy} ${blocks().join(" ")} 2>&1`,
        );
        const [, seconds] = / copied, ([\d.]+) s, /.exec(said) ?? [];
        measured[i]?.push(mib / Number(seconds));
      }
      await x2go.run(`rm '${mountPoint}/new'`);
    });
  }
}

if (options.json) {
  const named = results.map(({ client, rounds }) => [
    client,
    Object.fromEntries(rounds.map((values, i) => [
      metrics[i],
      { median: median(values), rounds: values },
    ])),
  ]);
  const json = { environment, mib, results: Object.fromEntries(named) };
  console.log(JSON.stringify(json, null, 2));
} else {
  console.log(
    `${environment.processors} x ${environment.processor}, Deno ${environment.deno}, ` +
      `${environment.congestionControl}; median of ${rounds} rounds, ${mib} MiB a transfer\n`,
  );
  console.log(table("folders", metrics, results));
}
for (const warning of warnings(environment)) console.error(`! ${warning}`);

function blocks(): string[] {
  return ["bs=1M", `count=${mib}`];
}
