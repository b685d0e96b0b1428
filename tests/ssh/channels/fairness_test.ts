import {
  Channel,
  type ChannelCarrier,
} from "../../../src/ssh/channels/channel.ts";
import type { MessageTransport } from "../../../src/ssh/message_transport.ts";
import {
  readChannelData,
  readRecipient,
} from "../../../src/ssh/messages/connection_messages.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { assert, assertEquals } from "../../assert.ts";
import { within } from "../../within.ts";
import { startLoggedIn } from "../native/transport_pair.ts";
import { anyReceiveWindow } from "./any_receive_window.ts";

const PACKET = 32 * 1024;
const MIB = 1024 * 1024;

type Writer = WritableStreamDefaultWriter<Uint8Array>;

/** A channel with all the window that it needs. */
function openOn(transport: MessageTransport, id: number): Channel {
  const carrier: ChannelCarrier = { transport, release() {} };
  return new Channel(carrier, {
    ...{ local: id, remote: id, window: 2 ** 30, packetSize: PACKET },
    receiveWindow: anyReceiveWindow(),
  });
}

Deno.test("channels send in turns, a packet each, when there is room again", async () => {
  const order: number[] = [];
  let room = Promise.withResolvers<void>();
  const transport = {
    congested: true,
    bytesSent: 0,
    send(head: Uint8Array) {
      order.push(readRecipient(head));
      if (order.length % 6 === 0) this.congested = true;
    },
    drained: () => room.promise,
  };
  const [a, b, small] = [0, 1, 2].map((id) =>
    openOn(transport as unknown as MessageTransport, id).writable.getWriter()
  ) as [Writer, Writer, Writer];
  const writing = Promise.all([
    a.write(new Uint8Array(MIB)),
    b.write(new Uint8Array(MIB)),
    small.write(new Uint8Array(64)),
  ]);
  await new Promise((resolve) => setTimeout(resolve, 0)); // all of them wait
  assertEquals(order, []);
  let done = false;
  writing.then(() => done = true);
  while (!done) {
    transport.congested = false;
    room.resolve();
    room = Promise.withResolvers();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(order.indexOf(2), 2);
  const bulk = order.filter((id) => id < 2);
  assertEquals(bulk.length, 2 * MIB / PACKET);
  for (let i = 0; i + 12 <= bulk.length; i += 12) {
    const first = bulk.slice(i, i + 12).filter((id) => id === 0).length;
    assert(first >= 3 && first <= 9, `${bulk}`);
  }
});

Deno.test("a small message waits for no more than a packet of each channel after a key exchange", async () => {
  await using pair = await startLoggedIn();
  const order: number[] = [];
  const all = Promise.withResolvers<void>();
  let received = 0;
  pair.server.receive((message) => {
    if (message[0] !== MessageNumber.CHANNEL_DATA) return;
    order.push(readRecipient(message));
    received += readChannelData(message).length;
    if (received === 4 * MIB + 64) all.resolve();
  });
  const writers = [0, 1, 2, 3, 4].map((id) =>
    openOn(pair.client, id).writable.getWriter()
  );
  pair.client.rekey();
  assert(pair.client.congested);
  const writing = writers.map((writer, id) =>
    writer.write(new Uint8Array(id === 4 ? 64 : MIB))
  );
  await within(10_000, "all data", all.promise);
  await Promise.all(writing);
  assertEquals(order.indexOf(4), 4);
});
