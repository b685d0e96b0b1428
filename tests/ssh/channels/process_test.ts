import { Buffer } from "node:buffer";
import { ChannelError } from "../../../mod.ts";
import type { ChannelCarrier } from "../../../src/ssh/channels/channel.ts";
import {
  SessionChannel,
  startProcess,
} from "../../../src/ssh/channels/process.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

/** A session channel whose server is the test. */
function open(): SessionChannel {
  const protocol = { channelClose() {}, channelWindowAdjust() {} };
  const socket = { bytesWritten: 0 };
  const carrier = { protocol, socket, release() {} };
  return new SessionChannel(carrier as unknown as ChannelCarrier, {
    ...{ local: 0, remote: 0 },
    ...{ window: 0, packetSize: 1000 },
  });
}

Deno.test("a signal that ended a command is told without what does something to a terminal", async () => {
  const channel = open();

  const data = { signal: `\x1b[31mTERM\n${"x".repeat(1000)}` };
  channel.onRequest("exit-signal", false, data);
  channel.onClose();

  const { signal } = await channel.status;
  assertEquals(signal, `SIGTERM ${"x".repeat(195)}…`);
});

for (const stream of ["stdout", "stderr"] as const) {
  Deno.test(`a command has started once its ${stream} says something, as sish never answers exec`, async () => {
    const channel = open();
    const starting = startProcess(channel, () => {}, "type=tcp", {});
    const said = Buffer.from("https://demo.example");
    if (stream === "stdout") channel.onData(said);
    else channel.onExtendedData(said);
    await using process = await starting;
    channel.onReply(true);
    channel.onEof();
    channel.onClose();
    const text = await new Response(process[stream]).text();
    assertEquals(text, "https://demo.example");
    assertEquals((await process.status).success, false);
  });
}

Deno.test("a shell that is refused after output has ended", async () => {
  const channel = open();
  const starting = startProcess(channel, () => {}, undefined, {});
  channel.onData(Buffer.from("no shells here"));
  await using process = await starting;
  channel.onReply(false);
  const error = await assertRejects(() => process.status, ChannelError);
  assertEquals(error.code, "channel-refused");
  await process.stdout.cancel().catch(() => {});
});
