import { ArgumentError } from "../../errors.ts";
import type { ByteStream } from "../../streams/byte_stream.ts";
import { DuplexStream } from "../../streams/duplex_stream.ts";
import type { Transport } from "./transport.ts";

/** A transport as an engine reads and writes it. */
export class TransportStream extends DuplexStream implements ByteStream {
  readonly #transport: Transport;

  /** @throws {ArgumentError} if it has no streams that can be used. */
  constructor(transport: Transport) {
    super(transport);
    this.#transport = transport;
    try {
      this.lock();
    } catch (cause) {
      throw new ArgumentError(
        "dial",
        "has to give { readable, writable } that are not locked",
        { cause },
      );
    }
  }

  close(): void | Promise<void> {
    this.abandon();
    return this.#transport.close?.();
  }
}
