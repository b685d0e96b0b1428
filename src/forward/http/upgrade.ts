import type { IncomingMessage, ServerResponse } from "node:http";
// @ts-types="@types/ws"
import { type WebSocket as WsSocket, WebSocketServer } from "ws";
import { checkCount, checkMs } from "../../validate.ts";
import type { ChannelSocket } from "./channel_socket.ts";
import type {
  UpgradeWebSocketOptions,
  WebSocketUpgrade,
} from "./fetch_target.ts";
import { ServedWebSocket } from "./served_web_socket.ts";

/** The largest message unless the user says otherwise, in bytes. */
const MAX_MESSAGE = 16 * 1024 * 1024;
/** How long a client may be idle unless the user says otherwise, in milliseconds; as with `Deno.upgradeWebSocket`. */
const IDLE_MS = 120_000;
/** How long a client may take at most to answer a close, in milliseconds. */
const MAX_CLOSE_MS = 30_000;

/** A request with an `Upgrade` header (RFC 9110 section 7.8): it becomes a WebSocket, or gets a plain response. */
export class Upgrade {
  readonly #message: IncomingMessage;
  readonly #socket: ChannelSocket;
  readonly #head: Uint8Array;
  readonly #onDone: () => void;
  #webSocket: WsSocket | undefined;

  /** @param onDone Called when it has become a WebSocket. */
  constructor(
    message: IncomingMessage,
    socket: ChannelSocket,
    head: Uint8Array,
    onDone: () => void,
  ) {
    this.#message = message;
    this.#socket = socket;
    this.#head = head;
    this.#onDone = onDone;
  }

  /** Whether it has become a WebSocket. */
  get isDone(): boolean {
    return this.#webSocket !== undefined;
  }

  /** @throws {TypeError} if the request does not ask for a WebSocket. */
  toWebSocket(
    request: Request,
    {
      protocol,
      idleTimeoutMs = IDLE_MS,
      maxMessageBytes = MAX_MESSAGE,
    }: UpgradeWebSocketOptions = {},
  ): WebSocketUpgrade {
    checkMs("idleTimeoutMs", idleTimeoutMs);
    // More, and 0, would be no limit to npm:ws.
    checkCount("maxMessageBytes", maxMessageBytes, 1, 2 ** 31 - 1);
    const { headers, method } = request;
    const isAsked = method === "GET" &&
      headers.get("upgrade")?.toLowerCase() === "websocket" &&
      headers.get("sec-websocket-version") === "13" &&
      /^[+/0-9A-Za-z]{22}==$/.test(headers.get("sec-websocket-key") ?? "");
    if (!isAsked || this.isDone || this.#socket.destroyed) {
      throw new TypeError("the request does not ask for a WebSocket");
    }
    const offered = headers.get("sec-websocket-protocol")?.split(/,\s*/) ?? [];
    if (protocol !== undefined && !offered.includes(protocol)) {
      throw new TypeError(`the client does not offer the protocol ${protocol}`);
    }
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: maxMessageBytes,
      handleProtocols: () => protocol ?? false,
      ...limits(idleTimeoutMs),
    });
    // Calls back before it returns, since everything was checked.
    server.handleUpgrade(
      this.#message,
      this.#socket,
      this.#head as Parameters<typeof server.handleUpgrade>[2],
      (webSocket) => this.#webSocket = webSocket,
    );
    if (!this.#webSocket) throw new TypeError("the handshake failed");
    const socket = new ServedWebSocket(this.#webSocket, request.url);
    if (idleTimeoutMs > 0) {
      endWhenIdle(this.#webSocket, this.#socket, idleTimeoutMs);
    }
    this.#onDone();
    return { socket, response: new Response(null, { status: 204 }) };
  }

  /** Has the response go to the client, on a connection that ends with it. */
  decline(response: ServerResponse): void {
    response.assignSocket(
      this.#socket as unknown as Parameters<typeof response.assignSocket>[0],
    );
    response.shouldKeepAlive = false;
    response.once("finish", () => this.#socket.destroySoon());
    this.#socket.resume(); // the rest of what the client says is skipped
  }

  /**
   * Closes the WebSocket, if it has become one.
   *
   * @param code Why (RFC 6455 section 7.4.1): 1001, the server ends; 1011, the handler threw.
   */
  close(code: 1001 | 1011): void {
    this.#webSocket?.close(code);
  }
}

/** Limits of npm:ws that its types lack; those of fragments and of pongs that wait to be sent are its own. */
function limits(idleTimeoutMs: number): { closeTimeout: number } {
  return { closeTimeout: Math.min(idleTimeoutMs || Infinity, MAX_CLOSE_MS) };
}

/** Pings a silent client; ends the connection if it does not answer, or takes nothing of what is sent. */
function endWhenIdle(
  webSocket: WsSocket,
  socket: ChannelSocket,
  ms: number,
): void {
  let isSilent = false;
  let wasStuckAt: number | undefined;
  const heard = () => isSilent = false;
  webSocket.on("pong", heard).on("ping", heard).on("message", heard);
  const timer = setInterval(() => {
    const stuckAt = socket.isWriting ? socket.sent : undefined;
    const isStuck = stuckAt !== undefined && stuckAt === wasStuckAt;
    if (isSilent || isStuck) return webSocket.terminate();
    wasStuckAt = stuckAt;
    isSilent = true;
    webSocket.ping();
  }, ms / 2);
  webSocket.once("close", () => clearInterval(timer));
}
