/** A bare SFTP client on a session in this process, which can also send what no real client would. */
import { type Logger, silentLogger } from "../../src/logger.ts";
import { PacketSource } from "../../src/sftp/protocol/packet_source.ts";
import {
  type Attributes,
  FieldReader,
  Packet,
  Status,
} from "../../src/sftp/protocol/sftp_protocol.ts";
import { SftpSession } from "../../src/sftp/sftp_session.ts";
import type { SharedFolders } from "../../src/sftp/files/shared_folders.ts";
import { StreamSink } from "../../src/streams/stream_sink.ts";
import { StreamSource } from "../../src/streams/stream_source.ts";
import { assertEquals } from "../assert.ts";

/** A reply, read up to its number. */
export interface Reply {
  type: number;
  id: number;
  body: FieldReader;
}

export class SftpClient implements AsyncDisposable {
  /** Settles as the session does. */
  readonly ended: Promise<void>;
  readonly #requests = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#requests.writable.getWriter();
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;

  constructor(folders: SharedFolders, logger: Logger = silentLogger) {
    const replies = new TransformStream<Uint8Array, Uint8Array>();
    this.#takeReplies(new PacketSource(new StreamSource(replies.readable)));
    this.ended = new SftpSession(folders, logger)
      .run(
        new StreamSource(this.#requests.readable),
        new StreamSink(replies.writable),
      );
    this.ended.catch(() => {});
  }

  /** A client that has said INIT. */
  static async start(folders: SharedFolders): Promise<SftpClient> {
    const client = new SftpClient(folders);
    const version = client.reply(3); // the version takes the number's place
    await client.send(packet(Packet.init, uint32(3)));
    assertEquals((await version).type, Packet.version);
    return client;
  }

  /** Sends bytes as they are. */
  send(bytes: Uint8Array): Promise<void> {
    return this.#writer.write(bytes);
  }

  /** The reply with this number. */
  reply(id: number): Promise<Reply> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Sends a request; several may be under way. */
  async request(type: number, ...fields: Uint8Array[]): Promise<Reply> {
    const id = this.#nextId++;
    const reply = this.reply(id);
    // The session's end answers requests that it no longer reads.
    this.send(packet(type, uint32(id), ...fields)).catch(() => {});
    return await Promise.race([
      reply,
      this.ended.then(() => {
        throw new Error("the session ended instead of a reply");
      }),
    ]);
  }

  /** Sends a request that is answered by a status; returns its code. */
  async status(type: number, ...fields: Uint8Array[]): Promise<number> {
    const reply = await this.request(type, ...fields);
    assertEquals(reply.type, Packet.status);
    return reply.body.uint32();
  }

  /** The same for one of OpenSSH's extensions. */
  extended(name: string, ...fields: Uint8Array[]): Promise<Reply> {
    return this.request(Packet.extended, string(name), ...fields);
  }

  /** OPEN, which has to succeed. */
  async open(
    path: string,
    flags: number,
    attrs = attributes(),
  ): Promise<Uint8Array> {
    return handleOf(
      await this.request(Packet.open, string(path), uint32(flags), attrs),
    );
  }

  /** READ: the bytes, or the status. */
  async read(
    handle: Uint8Array,
    offset: number,
    length: number,
  ): Promise<Uint8Array | number> {
    const { type, body } = await this.request(
      Packet.read,
      string(handle),
      uint64(offset),
      uint32(length),
    );
    return type === Packet.data ? body.bytes() : body.uint32();
  }

  write(handle: Uint8Array, offset: number, data: Uint8Array): Promise<number> {
    return this.status(
      Packet.write,
      string(handle),
      uint64(offset),
      string(data),
    );
  }

  close(handle: Uint8Array): Promise<number> {
    return this.status(Packet.close, string(handle));
  }

  /** STAT or LSTAT. */
  async stat(path: string, type: number = Packet.stat): Promise<Attributes> {
    const reply = await this.request(type, string(path));
    assertEquals(reply.type, Packet.attrs);
    return reply.body.attributes();
  }

  /** All names of a directory, in the order in which they come, a list for each reply. */
  async list(path: string): Promise<string[][]> {
    const handle = handleOf(await this.request(Packet.opendir, string(path)));
    const lists: string[][] = [];
    while (true) {
      const { type, body } = await this.request(Packet.readdir, string(handle));
      if (type === Packet.status) {
        assertEquals(body.uint32(), Status.eof);
        await this.close(handle);
        return lists;
      }
      lists.push(namesOf(body));
    }
  }

  /** Ends as a client does that goes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.ended.catch(() => {});
  }

  async #takeReplies(source: PacketSource): Promise<void> {
    for (let packets; (packets = await source.take()).length > 0;) {
      for (const packet of packets) this.#take(packet.slice());
    }
  }

  #take(packet: Uint8Array): void {
    const body = new FieldReader(packet);
    const type = body.uint8();
    const id = body.uint32();
    this.#waiting.get(id)?.({ type, id, body });
    this.#waiting.delete(id);
  }
}

/** The handle in a reply that has to be one. */
export function handleOf({ type, body }: Reply): Uint8Array {
  assertEquals(type, Packet.handle);
  return body.bytes();
}

/** The names in a NAME reply. */
export function namesOf(body: FieldReader): string[] {
  return Array.from({ length: body.uint32() }, () => {
    const name = body.text();
    body.text();
    body.attributes();
    return name;
  });
}

/** A packet with its length. */
export function packet(type: number, ...fields: Uint8Array[]): Uint8Array {
  return string(concat(Uint8Array.of(type), ...fields));
}

export function string(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string"
    ? new TextEncoder().encode(value)
    : value;
  return concat(uint32(bytes.length), bytes);
}

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function uint64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** ATTRS as a client sends them (section 5). */
export function attributes(
  { size, owner, permissions, times }: Attributes = {},
): Uint8Array {
  let flags = 0;
  const fields: Uint8Array[] = [];
  const add = (flag: number, ...values: Uint8Array[]) => {
    flags |= flag;
    fields.push(...values);
  };
  if (size !== undefined) add(1, uint64(size));
  if (owner) add(2, uint32(owner.uid), uint32(owner.gid));
  if (permissions !== undefined) add(4, uint32(permissions));
  if (times) add(8, uint32(times.accessed), uint32(times.modified));
  return concat(uint32(flags), ...fields);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}
