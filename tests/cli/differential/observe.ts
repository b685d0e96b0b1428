import { within } from "../../within.ts";
import { Client, type Milestone, type Program } from "./client.ts";
import { complaint } from "./kinds.ts";
import { type ListeningSocket, listeningSockets } from "./listening.ts";
import type { Row } from "./row.ts";
import { Site } from "./site.ts";
import { readAll, type World } from "./world.ts";

/** How long a client may take for a step, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Runs a row and returns the outcome: who listens where on the server and
 * which target answers there (`127.0.0.1:{port} → tcp`), or `nothing bound`; or
 * `exit 255`, or `tries again`. After a `; ` comes the kind of the first
 * complaint.
 *
 * @param expected What is waited for a little, as servers release ports when they come to it.
 */
export async function observe(
  program: Program,
  row: Row,
  world: World,
  expected: string,
): Promise<string> {
  await using site = await Site.create(world, row);
  const files = { known_hosts: "* {hostPublicKey}\n", ...row.files };
  for (const [name, text] of Object.entries(files)) {
    await site.write(name, text);
  }
  await row.given?.(site);
  await site.write("config", configuration(row));
  await using client = new Client(program, row, site);
  const reach = async () => {
    for (;;) {
      const milestone = await within(PATIENCE_MS, program, client.next());
      if (milestone !== "waiting" || row.again) return milestone;
    }
  };
  let milestone = await reach();
  if (milestone === "ready" && row.then) {
    row.then(client, site);
    milestone = await reach();
  }
  for (let attempt = 1;; attempt++) {
    const outcome = await tell(milestone, client, site);
    if (outcome === expected || attempt === 20) return outcome;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function tell(
  milestone: Milestone,
  client: Client,
  site: Site,
): Promise<string> {
  const what = milestone === "exit"
    ? `exit ${await client.exit}`
    : milestone === "waiting"
    ? "tries again"
    : await served(client, site);
  const log = complaint(await logged(site));
  const said = complaint(client.said) ?? (log && `${log} (in the log)`);
  return said === undefined ? what : `${what}; ${said}`;
}

/** How to reach the server. */
function configuration({ config = "", identity = "{key}" }: Row): string {
  return `${config}
Host server jump jump2
  HostName 127.0.0.1
  Port {sshd}
Host *
  User {user}
  IdentityFile ${identity}
  IdentitiesOnly yes
  UserKnownHostsFile {dir}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
`;
}

/** A named port; at other addresses another program may use it. */
const HTTP_ALT = 8080;

async function served({ allocated }: Client, site: Site): Promise<string> {
  const { port, port2, loop } = site.values;
  const ports = [Number(port), Number(port2), ...allocated];
  const sockets = listeningSockets(
    ({ address, port }) =>
      ports.includes(port) || (port === HTTP_ALT && address === loop),
    site.dir,
  );
  const rank = ({ at }: ListeningSocket) =>
    "port" in at ? ports.indexOf(at.port) : ports.length;
  sockets.sort((a, b) => rank(a) - rank(b));
  const served = await Promise.all(
    sockets.map(async ({ name, at }) =>
      `${site.generalize(name, allocated)} → ${await ask(at)}`
    ),
  );
  return served.join(", ") || "nothing bound";
}

/** Who answers there, read to the end: a half-closed connection stays open in the other direction. */
async function ask(
  at: Deno.ConnectOptions | Deno.UnixConnectOptions,
): Promise<string> {
  try {
    using conn = "port" in at ? await Deno.connect(at) : await Deno.connect(at);
    await conn.write(new TextEncoder().encode("ping"));
    await conn.closeWrite();
    const answer = await within(PATIENCE_MS, "an answer", readAll(conn));
    return /^(.+): ping$/.exec(answer)?.[1] ?? "an end at once";
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return "nobody";
    if (isEnd(error)) return "an end at once";
    throw error;
  }
}

function isEnd(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.NotConnected;
}

/** The lines of a log file. */
async function logged(site: Site): Promise<string[]> {
  const text = await Deno.readTextFile(`${site.dir}/log`).catch(() => "");
  return text.split("\n").map((line) => line.replace(/^\S+Z /, "").trim());
}
