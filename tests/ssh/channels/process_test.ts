import type { ChannelCarrier } from "../../../src/ssh/channels/channel.ts";
import { SessionChannel } from "../../../src/ssh/channels/process.ts";
import { assertEquals } from "../../assert.ts";

Deno.test("a signal that ended a command is told without what does something to a terminal", async () => {
  const protocol = { channelClose() {} };
  const carrier = { protocol, release() {} } as unknown as ChannelCarrier;
  const channel = new SessionChannel(carrier, {
    ...{ local: 0, remote: 0 },
    ...{ window: 0, packetSize: 1000 },
  });

  const data = { signal: `\x1b[31mTERM\n${"x".repeat(1000)}` };
  channel.onRequest("exit-signal", false, data);
  channel.onClose();

  const { signal } = await channel.status;
  assertEquals(signal, `SIG[31mTERM ${"x".repeat(191)}…`);
});
