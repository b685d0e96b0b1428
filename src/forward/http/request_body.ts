import type { IncomingMessage } from "node:http";

/** The body of a request: read from the client only as the handler reads it. */
export class RequestBody {
  readonly #message: IncomingMessage;
  readonly #onRead: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  /** @param onRead Called when the handler first reads from it. */
  constructor(message: IncomingMessage, onRead: () => void) {
    this.#message = message;
    this.#onRead = onRead;
  }

  /** A web stream of it, once. */
  open(): ReadableStream<Uint8Array> {
    const message = this.#message;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        message.on("data", (chunk: Uint8Array) => {
          if (!this.#controller) return; // it is skipped
          message.pause();
          this.#controller.enqueue(chunk);
        });
        message.pause();
        message.once("end", () => this.#end((it) => it.close()));
        message.once("error", (error) => this.#end((it) => it.error(error)));
      },
      pull: () => {
        this.#onRead();
        message.resume();
      },
      cancel: () => {
        this.#controller = undefined;
        message.resume();
      },
    }, { highWaterMark: 0 });
  }

  /** Skips what has not come yet, as the request is answered: later requests come after it. */
  skip(): void {
    if (this.#message.complete) return;
    this.#end((it) =>
      it.error(
        new Deno.errors.Interrupted(
          "the request is over, and its body was not read to the end",
        ),
      )
    );
    this.#message.resume();
  }

  #end(
    end: (controller: ReadableStreamDefaultController<Uint8Array>) => void,
  ): void {
    const controller = this.#controller;
    this.#controller = undefined;
    if (controller) end(controller);
  }
}
