import type { IncomingMessage, ServerResponse } from "node:http";
import type { ChannelSocket } from "./channel_socket.ts";
import type { HttpLimits } from "./fetch_target.ts";

/** Requests that wait for their turn before no more are read. */
const MOST_PIPELINED = 10;
/** An idle client is noticed late by up to this part of the time limit. */
const CHECKS = 4;

/**
 * What one client may do on its connection, and how long: node:http of Deno
 * 2.9.6 keeps no time limits on sockets that it is given.
 */
export class HttpConnection {
  readonly #socket: ChannelSocket;
  readonly #limits: Required<HttpLimits>;
  /** Requests that are not answered yet: several only if the client does not wait for answers. */
  readonly #requests = new Map<ServerResponse, IncomingMessage>();
  /** A request whose client waits to be asked for the body. */
  unasked: IncomingMessage | undefined;
  /** The last request that was answered: the rest of its body may still come. */
  #answered: IncomingMessage | undefined;
  #headTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #idleTimer: ReturnType<typeof setInterval> | undefined;
  #isUpgraded = false;
  #isDraining = false;

  constructor(socket: ChannelSocket, limits: Required<HttpLimits>) {
    this.#socket = socket;
    this.#limits = limits;
    socket.onReceived = () => this.#onReceived();
    socket.once("close", () => this.#end());
    socket.once("end", () => this.#onEnd());
    if (limits.idleTimeoutMs > 0) {
      this.#idleTimer = setInterval(
        this.#checkIdle(),
        limits.idleTimeoutMs / CHECKS,
      );
    }
  }

  /**
   * Takes a request whose head has arrived.
   *
   * @returns settles when those before it are answered.
   */
  async begin(
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const before = [...this.#requests.keys()].at(-1);
    this.#stopHeadTimer();
    this.#requests.set(response, message);
    if (this.#isDraining) response.shouldKeepAlive = false;
    this.#socket.isHeld = this.#requests.size >= MOST_PIPELINED;
    response.once("close", () => {
      this.#requests.delete(response);
      this.#answered = message;
      this.#socket.isHeld = this.#requests.size >= MOST_PIPELINED;
      if (this.#isDraining) this.#endIfIdle();
    });
    if (!before) return;
    await new Promise<void>((resolve) => before.once("close", () => resolve()));
  }

  /** The connection is no longer HTTP's: its limits are another's. */
  upgraded(): void {
    this.#isUpgraded = true;
    this.#end();
  }

  /** Ends the connection once what is being answered is, at once if nothing is. */
  drain(): void {
    this.#isDraining = true;
    for (const response of this.#requests.keys()) {
      response.shouldKeepAlive = false;
    }
    this.#endIfIdle();
  }

  /** The client sends nothing more: a request that is not complete never will be. */
  #onEnd(): void {
    const messages = [...this.#requests.values()];
    if (!this.#isUpgraded && messages.some(({ complete }) => !complete)) {
      this.#socket.destroy();
    }
  }

  #endIfIdle(): void {
    if (this.#requests.size === 0 && !this.#isUpgraded) {
      this.#socket.destroySoon();
    }
  }

  #onReceived(): void {
    const { headerTimeoutMs } = this.#limits;
    const isInHead = this.#requests.size === 0 && !this.#isUpgraded &&
      this.#answered?.complete !== false;
    if (!isInHead || headerTimeoutMs === 0) return;
    this.#headTimer ??= setTimeout(
      () => this.#refuse("408 Request Timeout"),
      headerTimeoutMs,
    );
  }

  #refuse(status: string): void {
    this.#socket.write(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    this.#socket.destroySoon();
  }

  /** Whether it is the client that is waited for. */
  get #isClientsTurn(): boolean {
    if (this.#requests.size === 0 || this.#socket.isWriting) return true;
    return this.#socket.isReading &&
      this.#requests.values()
        .some((message) => !message.complete && message !== this.unasked);
  }

  #checkIdle(): () => void {
    let moved = this.#socket.moved;
    let idle = 0;
    return () => {
      const isIdle = this.#isClientsTurn && moved === this.#socket.moved;
      moved = this.#socket.moved;
      idle = isIdle ? idle + 1 : 0;
      if (idle >= CHECKS) this.#socket.destroy();
    };
  }

  #stopHeadTimer(): void {
    clearTimeout(this.#headTimer);
    this.#headTimer = undefined;
  }

  #end(): void {
    this.#stopHeadTimer();
    clearInterval(this.#idleTimer);
  }
}
