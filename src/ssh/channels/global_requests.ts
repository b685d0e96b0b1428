import { orAborted } from "../../abort.ts";
import { Turns } from "../../turns.ts";
import { ConnectionLostError, type RForwardError } from "../../errors.ts";
import { LONG_PATH_MS, type PathProbe } from "./receive_windows.ts";

/** How many pings look for a short path in all, ... */
const MAX_SAMPLES = 20;
/** ... and how many in a row, as long as they are answered in this time, in milliseconds: else the path is long. */
const ROW = 4;
const NEAR_MS = 30;
/** How long after one another rows begin at least, in milliseconds. */
const ROW_GAP_MS = 50;
/** Where data flows that {@linkcode GlobalRequests.measure} is called for, pings wait behind it, for so long at least, in milliseconds. */
const FLOW_MS = 1000;

/** What the server answered: SSH_MSG_REQUEST_SUCCESS with its data, or SSH_MSG_REQUEST_FAILURE. */
export interface GlobalReply {
  success: boolean;
  data: Uint8Array;
  /** What the server said last before it answered: SSH_MSG_DEBUG, unasked. */
  said: string | undefined;
}

/**
 * Global requests (RFC 4254 section 4), one at a time.
 *
 * Their replies carry no number: they are matched by position alone. So a
 * request waits until the one before it is answered, and one that never is
 * ends the connection, as every later reply would go to the wrong request.
 */
export class GlobalRequests implements PathProbe {
  /** The shortest time from a request to its answer so far, in milliseconds. */
  roundTripMs: number | undefined;
  /** Whether the server is known to answer pings. */
  answersPings = false;

  readonly #timeoutMs: number;
  readonly #fail: (error: ConnectionLostError) => void;
  readonly #turns = new Turns();
  /** The unanswered ones in order: a request, perhaps after a ping. */
  readonly #unanswered: PromiseWithResolvers<GlobalReply>[] = [];
  /** What the server said since it answered last. */
  #said: string | undefined;
  #ended: RForwardError | undefined;
  #isSilent = false;
  /** Whether the server has answered a ping. */
  #hasAnswered = false;
  #samples = 0;
  #lastRow = -Infinity;
  #lastMeasure = -Infinity;
  readonly #sendPing: () => void;

  /**
   * @param timeoutMs How long the server may take to answer, in milliseconds.
   * @param fail Ends the connection.
   * @param sendPing Sends a request that has no effect but its answer.
   */
  constructor(
    timeoutMs: number,
    fail: (error: ConnectionLostError) => void,
    sendPing: () => void,
  ) {
    this.#timeoutMs = timeoutMs;
    this.#fail = fail;
    this.#sendPing = sendPing;
  }

  /**
   * Sends a request once the ones before it are answered.
   *
   * @param name Its name, for the error.
   * @param send Sends it, with a reply wanted.
   * @param signal Ends the wait.
   * @param undo Sends what undoes it, before any other request, if it is granted
   * although the signal has aborted.
   */
  async request(
    name: string,
    send: () => void,
    signal?: AbortSignal,
    undo?: (granted: GlobalReply) => void,
  ): Promise<GlobalReply> {
    const answered = this.#turns.take(async () => {
      signal?.throwIfAborted();
      const reply = await this.requestNow(name, send, this.#timeoutMs);
      if (undo && signal?.aborted && reply.success) {
        await this.requestNow(name, () => undo(reply), this.#timeoutMs);
      }
      return reply;
    });
    return await (signal ? orAborted(answered, signal) : answered);
  }

  /**
   * Sends a request although others may be unanswered: for one whose reply carries nothing, so that a mismatched reply does no harm.
   *
   * @param timeoutMs How long the server may take to answer, in milliseconds.
   */
  async requestNow(
    name: string,
    send: () => void,
    timeoutMs: number,
  ): Promise<GlobalReply> {
    const timer = setTimeout(() => this.#giveUp(name, timeoutMs), timeoutMs);
    try {
      return await this.#send(send).promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Sends a request whose only purpose is its answer. A request
   * that waits for its reply already does as well. No request waits for a
   * ping: there are servers that answer none. The keepalive, which asks for
   * this, has a time limit of its own.
   */
  ping(): void {
    if (this.#unanswered.length > 0) return;
    this.#send(this.#sendPing).promise.catch(() => {});
  }

  /**
   * Measures a round trip with a ping. Requests wait for its answer, up to the
   * time limit; a server that does not answer in time is not pinged in this way
   * again. The answer of one that has answered before is late: it is awaited
   * further, as it would pass for that of the next request.
   */
  async measure(): Promise<number | undefined> {
    const started = performance.now();
    this.#lastMeasure = started;
    if (this.#isSilent || this.#unanswered.length > 0) return undefined;
    const reply = this.#send(this.#sendPing);
    const answered = reply.promise.then(
      () => performance.now() - started,
      () => undefined,
    );
    void this.#turns.take(() => answered);
    const timer = setTimeout(() => {
      this.#isSilent = true;
      if (!this.answersPings && !this.#hasAnswered) {
        this.#unanswered.splice(this.#unanswered.indexOf(reply), 1);
      }
      reply.reject(new Error("not answered"));
    }, this.#timeoutMs);
    try {
      const ms = await answered;
      this.#hasAnswered ||= ms !== undefined;
      return ms;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Pings a server that answers, as long as the path has not proved short. The
   * first requests of a connection take longer than the path, as V8 compiles
   * meanwhile, and a busy machine delays many.
   */
  sample(): void {
    const now = performance.now();
    if (now - this.#lastRow < ROW_GAP_MS) return;
    if (now - this.#lastMeasure < FLOW_MS) return;
    this.#lastRow = now;
    this.#sampleRow(ROW);
  }

  #sampleRow(count: number): void {
    const { roundTripMs = Infinity } = this;
    if (!this.answersPings || roundTripMs <= LONG_PATH_MS) return;
    if (count === 0 || this.#samples === MAX_SAMPLES) return;
    if (this.#unanswered.length > 0) return;
    this.#samples++;
    const sent = performance.now();
    this.#send(this.#sendPing).promise.then(() => {
      if (performance.now() - sent <= NEAR_MS) this.#sampleRow(count - 1);
    }, () => {});
  }

  /** Handles a reply; one without a pending request is ignored. */
  onReply(success: boolean, data: Uint8Array): void {
    this.#unanswered.shift()?.resolve({ success, data, said: this.#said });
    this.#said = undefined;
  }

  /** Keeps a DEBUG message, which may explain the next answer. */
  onDebug(said: string): void {
    this.#said = said;
  }

  /** Called when the connection ends. */
  onConnectionEnd(error: RForwardError): void {
    this.#ended = error;
    for (const reply of this.#unanswered.splice(0)) reply.reject(error);
  }

  #send(send: () => void): PromiseWithResolvers<GlobalReply> {
    const reply = Promise.withResolvers<GlobalReply>();
    if (this.#ended) {
      reply.reject(this.#ended);
      return reply;
    }
    if (this.#unanswered.length === 0) {
      this.#said = undefined;
      const sent = performance.now();
      reply.promise.then(() => this.#onRoundTrip(sent), () => {});
    }
    send();
    this.#unanswered.push(reply);
    return reply;
  }

  /** Measures the round trip of a request that was sent alone. */
  #onRoundTrip(sent: number): void {
    const ms = performance.now() - sent;
    this.roundTripMs = Math.min(this.roundTripMs ?? ms, ms);
  }

  #giveUp(name: string, timeoutMs: number): void {
    this.#fail(
      new ConnectionLostError(
        `the server did not answer ${name} within ${timeoutMs} ms; the connection was closed, as later answers could not be assigned`,
      ),
    );
  }
}
