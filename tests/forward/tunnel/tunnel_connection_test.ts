/** What is said of how a connection through a tunnel ended. */
import { ConnectionLostError, RForwardError } from "../../../mod.ts";
import type { CloseReason } from "../../../mod.ts";
import { TunnelConnection } from "../../../src/forward/tunnel/tunnel_connection.ts";
import { assertEquals } from "../../assert.ts";
import { FakeOpen } from "../fake_connection.ts";

/** A connection that is served, and whose server has not closed it yet. */
function startServed() {
  const open = new FakeOpen({ hostname: "127.0.0.1", port: 8022 });
  const channelEnd = Promise.withResolvers<CloseReason>();
  const channel = { ...open.confirm(), closed: channelEnd.promise };
  const endpoint = { serve: () => Promise.resolve(), abandon() {} };
  const target = { name: "the target", endpoint };
  const connection = new TunnelConnection(open, channel, target);
  return { connection, endChannel: channelEnd.resolve };
}

const lost = new ConnectionLostError("the network is down");

Deno.test("tunnelConnection.closed reports a loss before the server had passed on everything", async () => {
  const { connection, endChannel } = startServed();
  endChannel({ reason: "lost", error: lost });
  assertEquals(await connection.closed, { reason: "lost", error: lost });
});

Deno.test("tunnelConnection.closed reports such a loss also if the tunnel ends first", async () => {
  const { connection, endChannel } = startServed();
  await Promise.resolve(); // it waits for the server now
  connection.end(lost);
  endChannel({ reason: "lost", error: lost });
  assertEquals(await connection.closed, { reason: "lost", error: lost });
});

Deno.test("tunnelConnection.closed reports an orderly end if the server closes, the tunnel stops or close() is called", async () => {
  const closed: CloseReason = { reason: "closed" };
  const byServer = startServed();
  byServer.endChannel(closed);
  assertEquals(await byServer.connection.closed, closed);
  const byTunnel = startServed();
  byTunnel.connection.end(new RForwardError("tunnel-stopped", "stopped"));
  assertEquals(await byTunnel.connection.closed, closed);
  const byCaller = startServed();
  byCaller.connection.close();
  assertEquals(await byCaller.connection.closed, closed);
});
