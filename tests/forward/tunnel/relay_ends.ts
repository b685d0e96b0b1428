import type { Duplex } from "../../../mod.ts";
import {
  Channel,
  type ChannelCarrier,
} from "../../../src/ssh/channels/channel.ts";
import { deliverToChannel } from "../../../src/ssh/channels/deliver_to_channel.ts";
import { byteReadable } from "../../../src/streams/byte_readable.ts";
import { anyReceiveWindow } from "../../ssh/channels/any_receive_window.ts";

/** One end of a relay, and the peer behind it. */
export interface RelayEnd extends Partial<Disposable> {
  /** What is given to relay(). */
  readonly end: Duplex | Deno.Conn;
  /** Writes what the end reads. */
  readonly writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  /** Reads what was written to the end. */
  readonly received: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** The kinds of ends: any stream, and ours, which a relay moves bytes between directly. */
export const relayEnds: {
  readonly [kind: string]: () => RelayEnd | Promise<RelayEnd>;
} = { streams, channels, sockets };

/** Ends that are nothing but streams. */
export function streams(): RelayEnd {
  const incoming = new TransformStream<Uint8Array<ArrayBuffer>>();
  const outgoing = new TransformStream<Uint8Array<ArrayBuffer>>();
  return {
    end: {
      readable: incoming.readable,
      writable: outgoing.writable as WritableStream<Uint8Array>,
    },
    writer: incoming.writable.getWriter(),
    received: outgoing.readable,
  };
}

/** A channel, and the same channel on its other side. */
export function channels(): RelayEnd {
  const pair = channelPair();
  const { end, peer } = pair;
  return {
    end,
    writer: peer.writable.getWriter(),
    received: peer.readable,
    [Symbol.dispose]: () => pair[Symbol.dispose](),
  };
}

/** Both sides of a channel, without a connection. */
export function channelPair(): { end: Channel; peer: Channel } & Disposable {
  const sides: Channel[] = [];
  const create = (side: number) => {
    const transport = {
      congested: false,
      bytesSent: 0,
      send(head: Uint8Array, body = new Uint8Array()) {
        this.bytesSent += head.length + body.length;
        const message = Uint8Array.of(...head, ...body);
        const peer = sides[1 - side]!;
        queueMicrotask(() => deliverToChannel(message, new Map([[0, peer]])));
      },
    };
    return new Channel(
      { transport, release() {} } as unknown as ChannelCarrier,
      {
        ...{ local: 0, remote: 0, window: 2 ** 20, packetSize: 32_768 },
        receiveWindow: anyReceiveWindow(),
      },
    );
  };
  const [end, peer] = [create(0), create(1)];
  sides.push(end, peer);
  return {
    end,
    peer,
    [Symbol.dispose]: () => sides.forEach((side) => side.onClose()),
  };
}

async function sockets(): Promise<RelayEnd> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const end = await Deno.connect({ port: listener.addr.port });
  const peer = await listener.accept();
  const writable = new WritableStream<Uint8Array<ArrayBuffer>>({
    async write(chunk) {
      for (let done = 0; done < chunk.length;) {
        done += await peer.write(chunk.subarray(done));
      }
    },
    close: () => peer.closeWrite(),
  });
  return {
    end,
    writer: writable.getWriter(),
    received: byteReadable((p) => peer.read(p)),
    [Symbol.dispose]: () => peer.close(),
  };
}
