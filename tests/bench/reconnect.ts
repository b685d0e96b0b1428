/**
 * How soon rforward and autossh notice that their connection is gone, and are
 * back. Needs root, for networks of their own, and autossh:
 *
 *     deno run -A tests/bench/reconnect.ts [--rounds N]
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { withFreePort } from "../servers/free_port.ts";
import { type Network, startNetwork } from "../servers/network.ts";
import { type Sshd, startSshd } from "../servers/openssh.ts";
import { run } from "../servers/run.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { countOption } from "./count_option.ts";
import { inspectEnvironment, warnings } from "./environment.ts";
import { table } from "./report.ts";

/** What lasted shorter counts as a failure to both, after which they wait longer. */
const GOOD_MS = 12_000;

/** How long a network is down. */
const OUTAGE_MS = 15_000;

const clients: Record<string, string[]> = {
  rforward: [
    ...["deno", "run", "-A"],
    new URL("../../src/cli/main.ts", import.meta.url).pathname,
    ...["--plain", "--max-wait", "10"],
  ],
  autossh: ["autossh", "-M", "0", "-N", "-o", "ExitOnForwardFailure=yes"],
};

/** A client with a network and an sshd of its own. */
interface Site extends AsyncDisposable {
  readonly network: Network;
  readonly sshd: Sshd;
  /** Settles when a program on the server hears the target. */
  served(): Promise<void>;
  /** Settles when the client has given up its connection. */
  noticed(): Promise<void>;
}

async function startSite(command: string[]): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await startNetwork());
  const { client, server } = network;
  const sshd = stack.use(
    await startSshd({
      through: server.through,
      config: [
        ...[`ListenAddress ${server.address}`, "ClientAliveInterval 1"],
        "ClientAliveCountMax 2",
      ],
    }),
  );
  const knownHostsFile = join(sshd.dir, "known_hosts_of_network");
  await Deno.writeTextFile(
    knownHostsFile,
    sshd.knownHosts.replace(sshd.hostname, server.address),
  );
  const target = join(sshd.dir, "target.sock");
  const listener = stack.use(Deno.listen({ transport: "unix", path: target }));
  (async () => {
    for await (const conn of listener) {
      await conn.write(new TextEncoder().encode("served"));
      conn.close();
    }
  })().catch(() => {}); // closed in the end
  const port = await withFreePort((port) => Promise.resolve(port));
  const [program = "", ...args] = [
    ...client.through,
    ...command,
    ...["-R", `127.0.0.1:${port}:${target}`, "-o", "ConnectTimeout=2"],
    ...["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"],
    ...sshArguments({ ...sshd, hostname: server.address, knownHostsFile }),
  ];
  const { pid } = stack.use(
    new Deno.Command(program, {
      args,
      env: { AUTOSSH_GATETIME: "0", AUTOSSH_POLL: "10" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn(),
  );
  const ask = 'exec 3<>"/dev/tcp/127.0.0.1/$0" && cat <&3';
  const [enter = "", ...into] = server.through;
  const sshPort = sshd.port.toString(16).toUpperCase().padStart(4, "0");
  const established = new RegExp(`:${sshPort} 01 `);
  const kept = stack.move();
  return {
    network,
    sshd,
    async served() {
      for (;; await delay(5)) {
        const heard = await run(enter, [...into, "bash", "-c", ask, `${port}`])
          .catch(() => "");
        if (heard === "served") return;
      }
    },
    async noticed() {
      const file = `/proc/${pid}/net/tcp`;
      while (established.test(await Deno.readTextFile(file))) await delay(5);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function msUntil(event: Promise<void>): Promise<number> {
  const began = performance.now();
  await event;
  return performance.now() - began;
}

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "20" } },
});
const rounds = countOption("rounds", options.rounds);
const environment = inspectEnvironment();
await using stack = new AsyncDisposableStack();
const contestants = [];
for (const [client, command] of Object.entries(clients)) {
  const site = stack.use(await startSite(command));
  await site.served();
  contestants.push({ client, site, rounds: [[], [], []] as number[][] });
}
for (let round = 1; round <= rounds; round++) {
  console.error(`${round}/${rounds}`);
  await delay(GOOD_MS);
  for (const { site, rounds } of contestants) {
    site.sshd.killSessions("SIGKILL");
    rounds[0]?.push(await msUntil(site.served()));
  }
  await delay(GOOD_MS);
  await Promise.all(contestants.map(async ({ site, rounds }) => {
    await site.network.cut();
    const [ms] = await Promise.all([msUntil(site.noticed()), delay(OUTAGE_MS)]);
    rounds[1]?.push(ms);
    await site.network.heal();
    rounds[2]?.push(await msUntil(site.served()));
  }));
}
console.log(
  table(
    `ms, median of ${rounds}`,
    ["killed → served", "cut → noticed", "healed → served"],
    contestants,
  ),
);
for (const warning of warnings(environment)) console.error(`! ${warning}`);
