import {
  Channel,
  type ChannelCarrier,
} from "../../../src/ssh/channels/channel.ts";
import { anyReceiveWindow } from "./any_receive_window.ts";
import { assert } from "../../assert.ts";

Deno.test("a channel whose transport is full does not remember each window that it gets meanwhile", async () => {
  let waits = 0;
  let packets = 0;
  const room = Promise.withResolvers<void>();
  const transport = {
    congested: true,
    bytesWritten: 0,
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
