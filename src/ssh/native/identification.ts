import { ProtocolError } from "../../errors.ts";
import { IdentificationError } from "../message_transport.ts";
import type { PacketReader } from "./packets/packet_reader.ts";

/** Ours, without its line end (RFC 4253 section 4.2). */
export const OUR_IDENTIFICATION = "SSH-2.0-rforward_0.1";

/** Bytes of an identification with its line end (RFC 4253 section 4.2). */
const MAX_IDENTIFICATION = 255;
/** Limits on the lines before a server's identification: their number, and bytes of each. OpenSSH's are the same. */
const MAX_LINES = 1024;
const MAX_LINE = 8192;
const MAX_FIRST_LINE = 255;

/** Reads what the peer sends before its first packet: its identification, preceded by lines of text if it is a server. */
export class IdentificationReader {
  readonly #peer: "client" | "server";
  #lines = 0;
  #firstLine: string | undefined;

  /** @param peer The peer's role: a client has to identify itself in its first line. */
  constructor(peer: "client" | "server") {
    this.#peer = peer;
  }

  /** The first line that came, or its beginning. */
  get firstLine(): string {
    return this.#firstLine ?? "";
  }

  /**
   * Consumes the complete lines in the buffer.
   *
   * @returns the identification as it enters the exchange hash; undefined if it has not arrived yet.
   * @throws {IdentificationError} if the peer speaks another protocol, or exceeds a limit.
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

  /** A copy of the identification, if its version is 2.0. */
  #checked(line: Uint8Array): Uint8Array {
    const isOurs = /^SSH-(2\.0|1\.99)-[\x20-\x7e\x80-\xff]*$/.test(text(line));
    if (isOurs && line.length + 2 <= MAX_IDENTIFICATION) return line.slice();
    throw new IdentificationError(text(line.subarray(0, MAX_FIRST_LINE)));
  }
}

/** Bytes as characters, one to one. */
export function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
