import { ProtocolError } from "../../errors.ts";
import { IdentificationError } from "../message_transport.ts";
import type { PacketReader } from "./packet_reader.ts";

/** Ours, without its line end (RFC 4253 section 4.2). */
export const OUR_IDENTIFICATION = "SSH-2.0-rforward_0.1";

/** Bytes of an identification with its line end (RFC 4253 section 4.2). */
const MAX_IDENTIFICATION = 255;
/** Lines that a server may say before it identifies itself, and bytes of each: OpenSSH's limits. */
const MAX_LINES = 1024;
const MAX_LINE = 8192;
const MAX_FIRST_LINE = 255;

/** Reads what the other side says before its first packet: its identification, and lines before it if it is a server. */
export class IdentificationReader {
  readonly #peer: "client" | "server";
  #lines = 0;
  #firstLine: string | undefined;

  /** @param peer Who is to identify itself: a client does so in its first line. */
  constructor(peer: "client" | "server") {
    this.#peer = peer;
  }

  /** The first line that came, or its beginning. */
  get firstLine(): string {
    return this.#firstLine ?? "";
  }

  /**
   * Takes the lines that are there.
   *
   * @returns the identification as it is hashed; undefined if it is not there yet.
   * @throws {IdentificationError} if it cannot come any more, or is of another protocol.
   */
  read(reader: PacketReader): Uint8Array | undefined {
    for (let line; (line = this.#line(reader));) {
      this.#firstLine ??= text(line.subarray(0, MAX_FIRST_LINE));
      if (text(line.subarray(0, 4)) === "SSH-") return this.#checked(line);
      if (this.#peer === "client" || ++this.#lines >= MAX_LINES) {
        throw new IdentificationError(this.firstLine);
      }
    }
    return undefined;
  }

  #line(reader: PacketReader): Uint8Array | undefined {
    try {
      return reader.line(MAX_LINE);
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      this.#firstLine ??= text(reader.peek(MAX_FIRST_LINE)).split("\n")[0]!;
      throw new IdentificationError(this.firstLine, { cause });
    }
  }

  /** A copy, if it is one of SSH 2. */
  #checked(line: Uint8Array): Uint8Array {
    const isOurs = /^SSH-(2\.0|1\.99)-[\x20-\x7e\x80-\xff]*$/.test(text(line));
    if (isOurs && line.length + 2 <= MAX_IDENTIFICATION) return line.slice();
    throw new IdentificationError(text(line.subarray(0, MAX_FIRST_LINE)));
  }
}

/** Bytes as characters, one each: what is hashed is not to depend on an encoding. */
export function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
