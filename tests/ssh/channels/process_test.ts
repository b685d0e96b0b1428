import { Buffer } from "node:buffer";
import { ChannelError } from "../../../mod.ts";
import type { ChannelCarrier } from "../../../src/ssh/channels/channel.ts";
import {
  SessionChannel,
  startProcess,
} from "../../../src/ssh/channels/process.ts";
import { execRequest } from "../../../src/ssh/messages/request_payloads.ts";
import { WireWriter } from "../../../src/ssh/wire.ts";
import { anyReceiveWindow } from "./any_receive_window.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

const exec = execRequest("type=tcp");

/** A session channel whose server is the test. */
function open(): SessionChannel {
  const transport = { bytesSent: 0, send() {} };
  const carrier = { transport, release() {} };
  return new SessionChannel(carrier as unknown as ChannelCarrier, {
    ...{ local: 0, remote: 0 },
    ...{ window: 0, packetSize: 1000 },
    receiveWindow: anyReceiveWindow(),
  });
}

Deno.test("the signal that ended a command is reported without control characters", async () => {
  const channel = open();

  const signalled = `\x1b[31mTERM\n${"x".repeat(1000)}`;
  const data = new WireWriter().string(signalled).bytes();
  channel.onRequest({ type: "exit-signal", wantReply: false, data });
  channel.onClose();

  const { signal } = await channel.status;
  assertEquals(signal, `SIGTERM ${"x".repeat(195)}…`);
});

for (const stream of ["stdout", "stderr"] as const) {
  Deno.test(`a command has started once its ${stream} has data, as sish never answers exec`, async () => {
    const channel = open();
    const starting = startProcess(channel, exec, "type=tcp", {});
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
  const starting = startProcess(channel, exec, undefined, {});
  channel.onData(Buffer.from("no shells here"));
  await using process = await starting;
  channel.onReply(false);
  const error = await assertRejects(() => process.status, ChannelError);
  assertEquals(error.code, "channel-refused");
  await process.stdout.cancel().catch(() => {});
});
