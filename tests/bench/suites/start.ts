import { clients, command } from "../clients.ts";
import { Mode, openLoad, roundTrip } from "../load.ts";
import type { Suite } from "../suite.ts";
import { tunnelSuite } from "../tunnel_suite.ts";

/** From the start of the command to the first byte through its tunnel. */
export const start: Suite = tunnelSuite({
  name: "start",
  metrics: ["first byte ms"],
  clients: [
    { name: "rforward", start: command() },
    ...clients.filter(({ name }) => name.startsWith("ssh-chacha20")),
  ],
  async measure({ port }, { startedAt }) {
    using conn = await openLoad(port, Mode.echo);
    await roundTrip(conn, new Uint8Array(1));
    return [performance.now() - startedAt];
  },
});
