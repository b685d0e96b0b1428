import {
  createServer,
  type IncomingMessage,
  type Server,
  ServerResponse,
} from "node:http";
import { onAbort } from "../../abort.ts";
import { defined } from "../../defined.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import type { SshChannel } from "../../ssh/connection.ts";
import { ChannelSocket } from "./channel_socket.ts";
import {
  defaultHttpLimits,
  type FetchInfo,
  type FetchTarget,
  type HttpLimits,
} from "./fetch_target.ts";
import { HttpConnection } from "./http_connection.ts";
import { loadUpgrade } from "./load_upgrade.ts";
import { sendResponse } from "./send_response.ts";
import { RequestBody } from "./request_body.ts";
import { RequestError, toRequest } from "./to_request.ts";
import type { Upgrade } from "./upgrade.ts";

/** Who is on the two sides of a connection. */
export type Addresses = Pick<FetchInfo, "remoteAddr" | "localAddr">;

/** What a request asks for besides an answer. */
interface Asked {
  /** That its connection becomes another protocol's. */
  upgrade?: Upgrade;
  /** To be told when to send its body (100 Continue). */
  isWaiting?: boolean;
}

/** A connection that is being served. */
interface Served extends Addresses {
  connection: HttpConnection;
}

/**
 * Serves HTTP/1.1 on channels: parsed by node:http, answered by a fetch
 * handler. It listens on nothing.
 */
export class HttpServer {
  readonly #target: FetchTarget;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #served = new Map<unknown, Served>();
  readonly #upgrades = new Set<Upgrade>();
  readonly #limits: Required<HttpLimits>;
  #isDraining = false;

  constructor(target: FetchTarget, logger: Logger = silentLogger) {
    this.#target = target;
    this.#logger = logger;
    const { maxHeaderBytes, headerTimeoutMs, idleTimeoutMs } = target;
    this.#limits = {
      ...defaultHttpLimits,
      ...defined({ maxHeaderBytes, headerTimeoutMs, idleTimeoutMs }),
    };
    this.#server = createServer({
      maxHeaderSize: this.#limits.maxHeaderBytes,
      keepAliveTimeout: this.#limits.idleTimeoutMs, // announced to clients
      ...onlyWebSockets,
    });
    // A client that has said all it wants still gets its answers.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    // Deno closes the connections of a server that does not listen.
    Object.defineProperty(this.#server, "listening", { value: true });
    // A request with Expect (RFC 9110 section 10.1.1) is one like all others,
    // but that the client may wait for the handler to read its body.
    for (const event of ["request", "checkContinue", "checkExpectation"]) {
      this.#server.on(
        event,
        async (message: IncomingMessage, response: ServerResponse) => {
          await this.#begin(message, response);
          await this.#answer(message, response, {
            isWaiting: event === "checkContinue",
          });
        },
      );
    }
    this.#server.on(
      "upgrade",
      (message, socket, head) =>
        void this.#answerUpgrade(message, socket as ChannelSocket, head),
    );
    this.#server.on("clientError", refuse);
    this.#server.on("connect", (_, socket) =>
      (socket as ChannelSocket).end(
        "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n",
      ));
  }

  /**
   * Serves a channel until it has ended.
   *
   * @param signal Ends it at once.
   */
  async serve(
    channel: SshChannel,
    addresses: Addresses,
    signal: AbortSignal,
  ): Promise<void> {
    const socket = new ChannelSocket(channel);
    const connection = new HttpConnection(socket, this.#limits);
    const closed = new Promise<void>((resolve) =>
      socket.once("close", () => resolve())
    );
    socket.on("error", () => {}); // the channel tells how it ended
    this.#served.set(socket, { ...addresses, connection });
    this.#server.emit("connection", socket);
    using _stop = onAbort(signal, () => socket.destroy());
    if (this.#isDraining) connection.drain();
    await closed;
    this.#served.delete(socket);
  }

  /** Ends each connection once what is being answered on it is; WebSockets get a close. */
  drain(): void {
    this.#isDraining = true;
    for (const { connection } of this.#served.values()) connection.drain();
    for (const upgrade of this.#upgrades) upgrade.close(1001);
  }

  async #begin(
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    // What is written to a client that is gone fails; `close` follows.
    response.on("error", () => {});
    await this.#served.get(message.socket)?.connection
      .begin(message, response);
  }

  async #answer(
    message: IncomingMessage,
    response: ServerResponse,
    { upgrade, isWaiting = false }: Asked,
  ): Promise<void> {
    const served = this.#served.get(message.socket);
    if (!served || message.socket.destroyed) return;
    const gone = new AbortController();
    const completed = Promise.withResolvers<void>();
    completed.promise.catch(() => {});
    response.once("close", () => {
      body.skip();
      if (response.writableFinished) return completed.resolve();
      gone.abort(new DOMException("the client is gone", "AbortError"));
      completed.reject(
        new Deno.errors.Interrupted("the response was not sent to its end"),
      );
    });
    const { connection } = served;
    if (isWaiting) connection.unasked = message;
    const body = new RequestBody(message, () => {
      if (connection.unasked !== message) return;
      connection.unasked = undefined;
      response.writeContinue();
    });
    let answer: Response;
    try {
      const request = toRequest(
        message,
        body,
        hostOf(served.localAddr),
        gone.signal,
      );
      answer = await this.#ask(request, {
        remoteAddr: served.remoteAddr,
        localAddr: served.localAddr,
        completed: completed.promise,
        upgradeWebSocket(options) {
          if (upgrade) return upgrade.toWebSocket(request, options);
          throw new TypeError("the request does not ask for a WebSocket");
        },
      }, upgrade);
    } catch (error) {
      // Where the client is gone, that is what has failed.
      if (response.destroyed) return;
      answer = this.#toErrorResponse(error);
    }
    if (upgrade?.isDone) return completed.resolve();
    upgrade?.decline(response);
    // Whether the client sends the body that it was not asked for is open; and
    // Deno 2.9.6 loses what comes together with a request to upgrade.
    const isUnread = connection.unasked === message && !message.complete;
    if (isUnread || message.headers.upgrade) {
      response.shouldKeepAlive = false;
    }
    try {
      await sendResponse(response, answer);
    } catch (error) {
      if (gone.signal.aborted) return; // so its body may fail, too
      this.#logger.error("a response could not be sent", error);
      response.destroy();
    }
  }

  async #ask(
    request: Request,
    info: FetchInfo,
    upgrade: Upgrade | undefined,
  ): Promise<Response> {
    try {
      return checked(await this.#target.fetch(request, info));
    } catch (error) {
      upgrade?.close(1011);
      if (!this.#target.onError) throw error;
      return checked(await this.#target.onError(error));
    }
  }

  #toErrorResponse(error: unknown): Response {
    if (error instanceof RequestError) {
      return new Response(`${error.message}\n`, { status: error.status });
    }
    this.#logger.error("the fetch handler of a tunnel threw", error);
    return new Response("Internal Server Error\n", { status: 500 });
  }

  async #answerUpgrade(
    message: IncomingMessage,
    socket: ChannelSocket,
    head: Uint8Array,
  ): Promise<void> {
    const connection = this.#served.get(socket)?.connection;
    const response = new ServerResponse(message);
    try {
      await this.#begin(message, response);
      const { Upgrade } = await loadUpgrade();
      const upgrade = new Upgrade(message, socket, head, () => {
        connection?.upgraded();
        this.#upgrades.add(upgrade);
        socket.once("close", () => this.#upgrades.delete(upgrade));
        if (this.#isDraining) upgrade.close(1001);
      });
      await this.#answer(message, response, { upgrade });
    } catch (error) {
      this.#logger.error(
        "a request for a WebSocket could not be served",
        error,
      );
      socket.destroy();
    }
  }
}

/** Other upgrades are ignored (RFC 9110 section 7.8); node's types lack the option. */
const onlyWebSockets = {
  shouldUpgradeCallback: ({ headers, method }: IncomingMessage): boolean =>
    method === "GET" && headers.upgrade?.toLowerCase() === "websocket",
};

function hostOf(addr: Deno.Addr): string {
  return "port" in addr ? `localhost:${addr.port}` : "localhost";
}

/** What a handler returns may be anything, if it is JavaScript, or a response that was read. */
function checked(response: unknown): Response {
  if (!(response instanceof Response)) {
    throw new TypeError("the fetch handler did not return a Response");
  }
  if (response.status === 101) {
    throw new TypeError(
      "a Response with status 101 cannot be sent; use info.upgradeWebSocket()",
    );
  }
  if (response.type === "error" || response.bodyUsed || response.body?.locked) {
    throw new TypeError(
      "the fetch handler returned a Response that cannot be sent",
    );
  }
  return response;
}

/** Answers what is not HTTP. */
function refuse(error: Error & { code?: string }, socket: unknown): void {
  const client = socket as ChannelSocket;
  if (!client.writable) return void client.destroy();
  const status = error.code === "HPE_HEADER_OVERFLOW"
    ? "431 Request Header Fields Too Large"
    : "400 Bad Request";
  client.write(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
  client.destroySoon();
}
