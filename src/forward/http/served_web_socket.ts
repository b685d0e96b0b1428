// @ts-types="@types/ws"
import type { RawData, WebSocket as WsSocket } from "ws";

type Handler<E extends Event> = ((this: WebSocket, event: E) => unknown) | null;

/** The server's end of a WebSocket in the shape of the web's own class (HTML standard, section "WebSockets"), over npm:ws. */
export class ServedWebSocket extends EventTarget implements WebSocket {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly url: string;
  binaryType: BinaryType = "blob";
  onopen: Handler<Event> = null;
  onmessage: Handler<MessageEvent> = null;
  onerror: Handler<Event> = null;
  onclose: Handler<CloseEvent> = null;
  readonly #socket: WsSocket;
  #opened = false;

  /**
   * @param socket It is open; the `open` event comes when the caller had time to listen for it.
   * @param url The request's URL.
   */
  constructor(socket: WsSocket, url: string) {
    super();
    this.#socket = socket;
    this.url = url.replace(/^http/, "ws");
    queueMicrotask(() => {
      this.#opened = true;
      this.#emit("onopen", new Event("open"));
    });
    socket.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on("error", (error) =>
      this.#emit(
        "onerror",
        new ErrorEvent("error", { error, message: error.message }),
      ));
    socket.on("close", (code, reason) =>
      this.#emit(
        "onclose",
        new CloseEvent("close", {
          code,
          reason: new TextDecoder().decode(reason),
          wasClean: code !== 1006,
        }),
      ));
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#opened ? this.#socket.readyState : this.CONNECTING;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.readyState === this.CONNECTING) {
      throw new DOMException("the WebSocket is not open", "InvalidStateError");
    }
    // What is sent to a socket that closes is dropped; `close` tells.
    if (this.readyState !== this.OPEN) return;
    this.#socket.send(data as Parameters<WsSocket["send"]>[0], () => {});
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code < 5000)) {
      throw new DOMException(
        "the code of a close is 1000, or from 3000 to 4999",
        "InvalidAccessError",
      );
    }
    if (reason && new TextEncoder().encode(reason).length > 123) {
      throw new DOMException(
        "the reason of a close has at most 123 bytes",
        "SyntaxError",
      );
    }
    this.#socket.close(code ?? (reason ? 1000 : undefined), reason);
  }

  #onMessage(raw: RawData, isBinary: boolean): void {
    const bytes = raw as Uint8Array<ArrayBuffer>; // with ws's own binaryType
    const data = !isBinary
      ? new TextDecoder().decode(bytes)
      : this.binaryType === "blob"
      ? new Blob([bytes])
      : new Uint8Array(bytes).buffer;
    const { origin } = new URL(this.url);
    this.#emit("onmessage", new MessageEvent("message", { data, origin }));
  }

  #emit(
    handler: "onopen" | "onmessage" | "onerror" | "onclose",
    event: Event,
  ): void {
    // Deno's EventTarget reports what listeners throw; a handler is one.
    const call = this[handler] as Handler<Event>;
    const listener: EventListener = () => call?.call(this, event);
    this.addEventListener(event.type, listener, { once: true });
    this.dispatchEvent(event);
  }
}
