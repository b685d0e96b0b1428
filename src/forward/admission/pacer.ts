/** How much unused time counts later, in seconds: timers may be late by as much without a loss. */
const CREDIT_S = 0.2;
/** The least and the most that moves at once, in bytes. */
const LEAST = 256;
const MOST = 32 * 1024;

/** A flow that waits for its turn. */
interface Turn {
  readonly flow: Flow;
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * Shares a bandwidth equally among flows, whatever the size of their chunks: the
 * next turn goes to the waiting flow that was served least (start-time fair
 * queueing). A flow that was idle has no credit.
 */
export class Pacer {
  #rate: number | undefined;
  /** Bytes that may move now; negative after a turn larger than the credit. */
  #credit = 0;
  #at = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #turns = new Map<Flow, Turn>();
  /** The `served` of the flow that got the last turn. */
  #served = 0;

  /** @param rate Bytes a second; no limit if undefined. */
  constructor(rate?: number) {
    this.#rate = rate;
  }

  /** Bytes a second; no limit if undefined. A change also applies to waiting flows. */
  get rate(): number | undefined {
    return this.#rate;
  }
  set rate(rate: number | undefined) {
    this.#refill();
    this.#rate = rate;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (rate !== undefined) this.#serve();
    else [...this.#turns.keys()].forEach((flow) => this.leave(flow));
  }

  /** The most that may move in one turn, in bytes. */
  get most(): number {
    if (this.#rate === undefined) return Infinity;
    return Math.min(MOST, Math.max(LEAST, Math.floor(this.#rate / 50)));
  }

  /** Waits until a flow may move that many bytes, at most {@linkcode most}; returns nothing if it may at once. */
  wait(flow: Flow, bytes: number): Promise<void> | void {
    if (this.#rate === undefined) return;
    this.#refill();
    flow.served = Math.max(flow.served, this.#served);
    if (this.#turns.size === 0 && this.#credit > 0) {
      return this.#pay(flow, bytes);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.set(flow, { flow, bytes, resolve });
    this.#wake();
    return promise;
  }

  /** Waits no longer. */
  leave(flow: Flow): void {
    this.#turns.get(flow)?.resolve();
    this.#turns.delete(flow);
    if (this.#turns.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #refill(): void {
    const now = performance.now();
    const rate = this.#rate ?? 0;
    const gained = (now - this.#at) / 1000 * rate;
    this.#credit = Math.min(this.#credit + gained, rate * CREDIT_S);
    this.#at = now;
  }

  #wake(): void {
    if (this.#timer !== undefined || this.#turns.size === 0) return;
    const ms = -this.#credit / this.#rate! * 1000;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refill();
      this.#serve();
    }, Math.max(1, Math.min(Math.ceil(ms), 2 ** 31 - 1)));
  }

  #serve(): void {
    while (this.#credit > 0 && this.#turns.size > 0) {
      const { flow, bytes, resolve } = this.#next();
      this.#turns.delete(flow);
      this.#served = flow.served;
      this.#pay(flow, bytes);
      resolve();
    }
    this.#wake();
  }

  #next(): Turn {
    let next: Turn | undefined;
    for (const turn of this.#turns.values()) {
      if (!next || turn.flow.served < next.flow.served) next = turn;
    }
    return next!;
  }

  #pay(flow: Flow, bytes: number): void {
    this.#credit -= bytes;
    flow.served += bytes;
  }
}

/** One direction of one connection. */
export interface Flow {
  /** For the {@linkcode Pacer}; 0 at first. */
  served: number;
}
