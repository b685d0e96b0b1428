import { type Client, command, rforward } from "../clients.ts";
import { Mode, openLoad, readAll, roundTrip, send } from "../load.ts";
import { cpuSeconds } from "../process_stat.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";
import { perSecond } from "./rate.ts";

const CONNECTIONS = 3200;
const ROUND_TRIPS = 5000;

/** Rules that let everything pass. */
const rules = [
  ...["--deny", "192.0.2.0/24", "--max-connections", "100000"],
  ...["--max-rate", "1000000", "--max-bandwidth", "100000M"],
  ...["--idle-timeout", "1h"],
];

/** What it does to verify a port is not compared. */
const plain = (...options: string[]): Client["start"] =>
  command("--no-verify", ...options);

/**
 * What services on a tunnel cost, in processor time: a tunnel of the library
 * with nothing around it; the command, whose services are all off; the command
 * that is watched; and the command with rules about who may connect.
 */
export const services: Suite = tunnelSuite({
  name: "services",
  metrics: [
    "16 at a time /s",
    "CPU us each connection",
    "CPU us each round trip",
    "from the server, CPU s/Gbit",
  ],
  clients: [
    { name: "forward()", start: rforward() },
    { name: "rforward", start: plain() },
    {
      name: "with --metrics --status",
      start: plain("--metrics", "0", "--status", "0"),
    },
    { name: "with rules", start: plain(...rules) },
  ],
  async measure({ pid, port }, { mib }) {
    const cpuOf = async (work: () => Promise<unknown>) => {
      const before = cpuSeconds(pid!);
      await work();
      return cpuSeconds(pid!) - before;
    };
    await perSecond(port, CONNECTIONS / 2, 16);
    let rate = 0;
    const connecting = await cpuOf(async () =>
      rate = await perSecond(port, CONNECTIONS, 16)
    );
    using conn = await openLoad(port, Mode.echo);
    const ask = async () => {
      const bytes = new Uint8Array(64);
      for (let i = 0; i < ROUND_TRIPS; i++) await roundTrip(conn, bytes);
    };
    await ask();
    const asking = await cpuOf(ask);
    const bytes = mib * 1024 * 1024;
    const sending = await cpuOf(async () => {
      using conn = await openLoad(port, Mode.sink, bytes);
      await send(conn, bytes);
      await readAll(conn, new Uint8Array(1));
    });
    return [
      rate,
      connecting * 1e6 / CONNECTIONS,
      asking * 1e6 / ROUND_TRIPS,
      sending / (bytes * 8 / 1e9),
    ];
  },
});
