import {
  Channel,
  type ChannelCarrier,
} from "../../../src/ssh/channels/channel.ts";
import { Acknowledger } from "../../../src/ssh/channels/acknowledger.ts";
import { anyReceiveWindow } from "./any_receive_window.ts";
import { ChannelError } from "../../../src/errors.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { takeSink, takeSource } from "../../../src/streams/direct.ts";
import { ReceiveWindow } from "../../../src/ssh/channels/receive_window.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { channelPair } from "../../forward/tunnel/relay_ends.ts";

Deno.test("a channel whose transport is full does not remember each window that it gets meanwhile", async () => {
  let waits = 0;
  let packets = 0;
  const room = Promise.withResolvers<void>();
  const transport = {
    congested: true,
    bytesSent: 0,
    send: () => packets++,
    drained() {
      waits++;
      return room.promise;
    },
  };
  const carrier = { transport, release() {} };
  const channel = new Channel(carrier as unknown as ChannelCarrier, {
    ...{ local: 0, remote: 0 },
    ...{ window: 0, packetSize: 1000 },
    receiveWindow: anyReceiveWindow(),
  });
  const writer = channel.writable.getWriter();
  const writing = writer.write(new Uint8Array(1000));
  for (const bytes of [0, 0, 0, ...Array(1000).fill(1)]) {
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    channel.onWindowAdjust(bytes);
  }
  assert(waits <= 3, `${waits} waits`);

  transport.congested = false;
  room.resolve();
  await writing;
  assert(packets > 0);
});

Deno.test("a channel's streams that are asked for after its end have ended, too", async () => {
  using pair = channelPair();
  const { end: channel, peer } = pair;
  await peer.writable.getWriter().write(Uint8Array.of(1, 2));
  await Promise.resolve(); // the message is on its way
  peer.close();
  await channel.closed;

  const chunks = await Array.fromAsync(channel.readable);
  assertEquals(chunks, [Uint8Array.of(1, 2)]);
  const writing = channel.writable.getWriter().write(Uint8Array.of(3));
  const error = await assertRejects(() => writing, ChannelError);
  assertEquals(error.code, "channel-closed");
});

Deno.test("a channel's sink reports its end while nothing is written, but not after its own EOF", async () => {
  for (const hasEnded of [false, true]) {
    using pair = channelPair();
    const { end: channel, peer } = pair;
    const sink = channel[takeSink]()!;
    const failures: unknown[] = [];
    sink.onFailure((error) => failures.push(error));
    if (hasEnded) sink.end();
    peer.close();
    await channel.closed;
    assertEquals(failures.length, hasEnded ? 0 : 1);
  }
});

Deno.test("a channel that both sides have ended is closed at once, but by the server first where that waits for acknowledgements", () => {
  const { CHANNEL_EOF, CHANNEL_CLOSE } = MessageNumber;
  for (const serverWaits of [false, true]) {
    const sent: number[] = [];
    const transport = {
      bytesSent: 0,
      send: (message: Uint8Array) => sent.push(message[0]!),
    };
    const acknowledger = new Acknowledger(transport);
    if (serverWaits) acknowledger.stop(); // it need not acknowledge anything here
    else acknowledger.onCommandRun();
    const carrier = { transport, acknowledger, release() {} };
    const channel = new Channel(carrier as unknown as ChannelCarrier, {
      ...{ local: 0, remote: 0 },
      ...{ window: 1000, packetSize: 1000 },
      receiveWindow: anyReceiveWindow(),
    });
    channel.onEof();
    channel[takeSink]()!.end();
    assertEquals(
      sent,
      serverWaits ? [CHANNEL_EOF] : [CHANNEL_EOF, CHANNEL_CLOSE],
    );
    channel.onClose();
    assertEquals(sent, [CHANNEL_EOF, CHANNEL_CLOSE]);
  }
});

for (
  const [how, startReading] of [
    ["not read", () => {}],
    [
      "read as a stream",
      ({ readable }: Channel) => readable.getReader().read(),
    ],
    ["read directly", (channel: Channel) => channel[takeSource]()!.lend()],
  ] as const
) {
  for (const unread of [0, 100]) {
    Deno.test(`a channel that was ${how}, and is closed here with ${unread} bytes unread, is forgotten once the server has closed it`, async () => {
      const { channel, released, windowReleased } = recordedChannel();
      channel.onData(new Uint8Array(100));
      await startReading(channel);
      channel.onData(new Uint8Array(unread));
      channel.close();
      assertEquals([released(), windowReleased()], [0, 0]);
      channel.onClose();
      assertEquals([released(), windowReleased()], [1, 2 ** 21]);
      channel.close(); // has no effect
      assertEquals([released(), windowReleased()], [1, 2 ** 21]);
    });
  }
}

Deno.test("a channel sends nothing after its EOF, whose number the server may use again once it is closed", async () => {
  const { CHANNEL_DATA, CHANNEL_EOF, CHANNEL_CLOSE } = MessageNumber;
  for (const isClosed of [false, true]) {
    const { channel, sent } = recordedChannel();
    const sink = channel[takeSink]()!;
    sink.write(new Uint8Array(1));
    sink.end();
    if (isClosed) channel.onEof();
    const error = await assertRejects(
      async () => await sink.write(new Uint8Array(1)),
      ChannelError,
    );
    assertEquals(error.code, "channel-closed");
    sink.end();
    assertEquals(sent, [
      CHANNEL_DATA,
      CHANNEL_EOF,
      ...isClosed ? [CHANNEL_CLOSE] : [],
    ]);
  }
});

/** A channel without a connection, what it sends, and whether it was forgotten. */
function recordedChannel() {
  const sent: number[] = [];
  let released = 0;
  let windowReleased = 0;
  const transport = {
    bytesSent: 0,
    send: (message: Uint8Array) => sent.push(message[0]!),
  };
  const carrier = { transport, release: () => released++ };
  const channel = new Channel(carrier as unknown as ChannelCarrier, {
    ...{ local: 0, remote: 0 },
    ...{ window: 1000, packetSize: 1000 },
    receiveWindow: new ReceiveWindow({
      onReceived() {},
      onPortion() {},
      onReleased: (bytes) => windowReleased += bytes,
    }, 2 ** 21),
  });
  return {
    channel,
    sent,
    released: () => released,
    windowReleased: () => windowReleased,
  };
}
