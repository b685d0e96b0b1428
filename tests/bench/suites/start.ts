import { fileURLToPath } from "node:url";
import { sshArguments } from "../../servers/ssh_server.ts";
import { startProcess } from "../bench_process.ts";
import { type Client, clients } from "../clients.ts";
import { Mode, openLoad, roundTrip } from "../load.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** The command, as a user starts it. */
const command: Client = {
  name: "rforward",
  start: (server, targetPort) =>
    startProcess(Deno.execPath(), [
      ...["run", "--no-prompt", "--quiet", "-A"],
      fileURLToPath(import.meta.resolve("../../../src/cli/main.ts")),
      ...["-R", `127.0.0.1:0:127.0.0.1:${targetPort}`],
      ...["-N", ...sshArguments(server)],
    ], /Allocated port (\d+) for remote forward/),
};

/** From the start of the command to the first byte through its tunnel. */
export const start: Suite = tunnelSuite({
  name: "start",
  metrics: ["first byte ms"],
  clients: [
    command,
    ...clients.filter(({ name }) => name.startsWith("ssh-chacha20")),
  ],
  async measure({ port }, { startedAt }) {
    using conn = await openLoad(port, Mode.echo);
    await roundTrip(conn, new Uint8Array(1));
    return [performance.now() - startedAt];
  },
});
