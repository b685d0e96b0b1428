import { ChannelError, RForwardError } from "../../../src/errors.ts";
import { GlobalRequests } from "../../../src/ssh/channels/global_requests.ts";
import { Mux } from "../../../src/ssh/channels/mux.ts";
import { WindowLimits } from "../../../src/ssh/channels/receive_windows.ts";
import type { SshChannel } from "../../../src/ssh/connection.ts";
import { silentLogger } from "../../../src/logger.ts";
import type { MessageTransport } from "../../../src/ssh/message_transport.ts";
import { writeChannelDataHead } from "../../../src/ssh/messages/connection_messages.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { WireReader, WireWriter } from "../../../src/ssh/wire.ts";
import { directSource } from "../../../src/streams/direct.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";

const MIB = 1024 * 1024;

/** Round trips that take a second, on the test clock. */
class LongPath extends GlobalRequests {
  override roundTripMs = 1000;
  measured = Promise.withResolvers<number>();

  constructor() {
    super(1000, () => {}, () => {});
  }

  override measure(): Promise<number> {
    this.measured = Promise.withResolvers();
    return this.measured.promise;
  }
}

/** A connection layer whose server is the test, which sends as much as the window permits. */
class Server {
  readonly mux: Mux;
  readonly requests = new LongPath();
  /** What it may send on each channel. */
  readonly windows = new Map<number, number>();
  readonly #channels: SshChannel[] = [];

  constructor() {
    const transport = {
      bytesSent: 0,
      congested: false,
      send: (message: Uint8Array) => this.#take(message),
    } as unknown as MessageTransport;
    this.mux = new Mux(transport, this.requests, silentLogger);
    this.mux.taker = (open) => {
      this.#channels.push(open.confirm());
      return Promise.resolve();
    };
  }

  /** Opens a forwarded connection. */
  async open(): Promise<SshChannel> {
    const id = this.#channels.length;
    this.mux.receive(
      new WireWriter().byte(MessageNumber.CHANNEL_OPEN)
        .string("forwarded-tcpip").uint32(id).uint32(2 ** 21).uint32(2 ** 15)
        .string("127.0.0.1").uint32(8080).string("127.0.0.1").uint32(40000)
        .bytes(),
    );
    await Promise.resolve();
    return this.#channels[id]!;
  }

  /** Sends on a channel as much as its window permits, up to `most` bytes; returns the number of bytes. */
  fill(id: number, most = Infinity): number {
    const open = this.windows.get(id) ?? 0;
    const bytes = Math.min(open, most);
    this.windows.set(id, open - bytes);
    const packet = 2 ** 15;
    for (let sent = 0; sent < bytes; sent += packet) {
      const size = Math.min(packet, bytes - sent);
      const head = writeChannelDataHead(id, size);
      const message = new Uint8Array(head.length + size);
      message.set(head);
      this.mux.receive(message);
    }
    return bytes;
  }

  /** Closes a channel. */
  close(id: number): void {
    this.mux.receive(
      new WireWriter().byte(MessageNumber.CHANNEL_CLOSE).uint32(id).bytes(),
    );
  }

  /** The connection ends. */
  end(): void {
    const error = new RForwardError("connection-closed", "the test is over");
    this.mux.end({ reason: "closed" }, error);
  }

  #take(message: Uint8Array): void {
    const reader = new WireReader(message, 1);
    const id = reader.uint32();
    if (message[0] === MessageNumber.CHANNEL_OPEN_CONFIRMATION) {
      reader.uint32();
      this.windows.set(id, reader.uint32());
    } else if (message[0] === MessageNumber.CHANNEL_WINDOW_ADJUST) {
      this.windows.set(id, this.windows.get(id)! + reader.uint32());
    }
  }
}

/** Reads `count` bytes. */
async function read(channel: SshChannel, bytes: number): Promise<void> {
  const reader = channel.readable.getReader();
  for (let left = bytes; left > 0;) {
    left -= (await reader.read()).value!.length;
  }
  reader.releaseLock();
}

Deno.test("a channel on a long path lets its server send more as long as it is read, up to 16 MiB", async () => {
  const server = new Server();
  const channel = await server.open();
  assertEquals(server.windows.get(0), WindowLimits.longPath);
  for (let i = 0; i < 20; i++) {
    // One round trip: as much as was allowed at its beginning, in pieces.
    for (let left = server.windows.get(0)!; left > 0;) {
      const sent = server.fill(0, Math.min(left, MIB / 4));
      await read(channel, sent);
      left -= sent;
    }
    server.requests.measured.resolve(1000);
    await server.requests.measured.promise;
  }
  const most = server.windows.get(0)!;
  assert(most > 8 * MIB && most <= WindowLimits.channelMax, `${most} bytes`);

  // No reader is left.
  let held = 0;
  for (let sent; (sent = server.fill(0)) > 0;) held += sent;
  assert(held <= WindowLimits.channelMax, `${held} bytes`);
  server.end();
});

Deno.test("100 unread channels hold 48 MiB at most, and another one is served", async () => {
  const server = new Server();
  let held = 0;
  for (let id = 0; id < 100; id++) {
    await server.open();
    held += server.fill(id);
  }
  assert(held > 30 * MIB && held <= WindowLimits.connection, `${held} bytes`);

  const channel = await server.open();
  const sent = server.fill(100);
  await read(channel, sent);
  assertEquals(server.fill(100), sent);
  server.end();
});

Deno.test("a channel that is closed leaves its window to others", async () => {
  const server = new Server();
  for (let id = 0; id < 100; id++) await server.open();
  for (let id = 0; id < 100; id++) server.close(id);
  await server.open();
  assertEquals(server.windows.get(100), WindowLimits.longPath);
  server.end();
});

Deno.test("a channel that its server has closed counts until a relay has taken what came", async () => {
  for (const how of ["read", "cancelled", "closed"] as const) {
    const server = new Server();
    const channel = await server.open();
    const source = directSource(channel)!;
    server.fill(0);
    server.close(0);
    assertEquals(await channel.closed, { reason: "closed" });
    assertEquals(server.mux.size, 1);
    if (how === "cancelled") source.cancel(undefined);
    else if (how === "closed") channel.close();
    else while (await source.lend());
    assertEquals(server.mux.size, 0);
    server.end();
  }
});

Deno.test("a server that sends more than a window allows loses the channel", async () => {
  const server = new Server();
  const channel = await server.open();
  server.fill(0);
  server.windows.set(0, 1);
  server.fill(0);
  const error = await assertRejects(() => read(channel, 1), ChannelError);
  assertMatch(error.message, /1 bytes more than the window/);
  server.end();
});
