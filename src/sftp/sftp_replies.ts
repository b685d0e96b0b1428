import type { DirectoryEntry } from "./files/open_directory.ts";
import { longName } from "./protocol/long_name.ts";
import {
  Attribute,
  MAX_PACKET,
  Packet,
  Status,
  type StatusCode,
} from "./protocol/sftp_protocol.ts";

const utf8 = new TextEncoder();

/** Replies, one after the other, until they are sent. */
export class SftpReplies {
  // The largest reply, or many small ones.
  readonly #bytes = new Uint8Array(MAX_PACKET + 8 * 1024);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Takes the replies; further ones overwrite them. */
  take(): Uint8Array {
    const replies = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return replies;
  }

  /** VERSION (section 4): ours, and the extensions with theirs. */
  version(version: number, extensions: Record<string, string>): void {
    this.#packet(Packet.version, version, () => {
      for (const [name, version] of Object.entries(extensions)) {
        this.#text(name);
        this.#text(version);
      }
    });
  }

  status(id: number, code: StatusCode, text: string): void {
    this.#packet(Packet.status, id, () => {
      this.#uint32(code);
      this.#text(text);
      this.#text("en");
    });
  }

  /** STATUS of success. */
  ok(id: number): void {
    this.status(id, Status.ok, "Success");
  }

  /** STATUS at the end of a file or directory. */
  eof(id: number): void {
    this.status(id, Status.eof, "End of file");
  }

  handle(id: number, handle: number): void {
    this.#packet(Packet.handle, id, () => {
      this.#uint32(4);
      this.#uint32(handle);
    });
  }

  data(id: number, data: Uint8Array): void {
    this.#packet(Packet.data, id, () => {
      this.#uint32(data.length);
      this.#bytes.set(data, this.#length);
      this.#length += data.length;
    });
  }

  /** ATTRS */
  attributes(id: number, info: Deno.FileInfo): void {
    this.#packet(Packet.attrs, id, () => this.#attributes(info));
  }

  /** NAME, for a directory. */
  entries(id: number, entries: DirectoryEntry[]): void {
    this.#packet(Packet.name, id, () => {
      this.#uint32(entries.length);
      for (const { name, info } of entries) {
        this.#text(name);
        this.#text(longName(name, info));
        this.#attributes(info);
      }
    });
  }

  /** NAME, for a path: one name without attributes. */
  path(id: number, path: string): void {
    this.#packet(Packet.name, id, () => {
      this.#uint32(1);
      this.#text(path);
      this.#text(path);
      this.#uint32(0);
    });
  }

  /** EXTENDED_REPLY, of numbers of 64 bits. */
  numbers(id: number, numbers: number[]): void {
    this.#packet(Packet.extendedReply, id, () => {
      for (const number of numbers) this.#uint64(number);
    });
  }

  /** Writes one packet, or nothing of it if it does not fit. */
  #packet(type: number, id: number, write: () => void): void {
    const start = this.#length;
    try {
      this.#uint32(0); // the length, once it is known
      this.#bytes[this.#length++] = type;
      this.#uint32(id);
      write();
      this.#view.setUint32(start, this.#length - start - 4);
    } catch (error) {
      this.#length = start;
      throw error;
    }
  }

  #attributes(info: Deno.FileInfo): void {
    this.#uint32(
      Attribute.size | Attribute.owner | Attribute.permissions |
        Attribute.times,
    );
    this.#uint64(info.size);
    this.#uint32(info.uid ?? 0);
    this.#uint32(info.gid ?? 0);
    this.#uint32(info.mode ?? 0);
    this.#uint32(seconds(info.atime));
    this.#uint32(seconds(info.mtime));
  }

  #text(value: string): void {
    const room = this.#bytes.subarray(this.#length + 4);
    const { read, written } = utf8.encodeInto(value, room);
    if (read < value.length) throw new RangeError("the reply is too long");
    this.#uint32(written);
    this.#length += written;
  }

  #uint32(value: number): void {
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
  }

  #uint64(value: number): void {
    this.#view.setBigUint64(this.#length, BigInt(value));
    this.#length += 8;
  }
}

/** What fits the 32 bits that version 3 has for a time. */
function seconds(date: Date | null): number {
  const value = Math.floor((date?.getTime() ?? 0) / 1000);
  return Math.min(Math.max(value, 0), 2 ** 32 - 1);
}
