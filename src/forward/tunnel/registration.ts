import type {
  Bind,
  ForwardedOpen,
  ForwardedOpenTaker,
} from "../../ssh/connection.ts";
import { Turns } from "../../turns.ts";

/** Looks at a connection, and passes it on or keeps it. */
export type ForwardedOpenInspector = (
  open: ForwardedOpen,
) => Promise<ForwardedOpen | undefined>;

/** A bound port and the taker of its connections. */
export class Registration {
  /** What was asked of the server. */
  readonly asked: Bind;
  /** Takes the connections. */
  readonly take: ForwardedOpenTaker;
  /** Settles once the server has answered, or the registration is removed. */
  readonly answered: Promise<void>;
  readonly #answered = Promise.withResolvers<void>();
  readonly #remove: (registration: Registration) => void;
  readonly #onCancelled: () => void;
  readonly #inspections = new Turns();
  #inspect: ForwardedOpenInspector | undefined;
  #bound: Bind;
  #held = false;

  /**
   * For {@linkcode PortDispatcher.register}.
   *
   * @param asked What was asked of the server.
   * @param take Takes the connections.
   * @param remove Removes it from the dispatcher.
   * @param onCancelled See {@linkcode PortDispatcher.register}.
   */
  constructor(
    asked: Bind,
    take: ForwardedOpenTaker,
    remove: (registration: Registration) => void,
    onCancelled: () => void = () => {},
  ) {
    this.asked = this.#bound = asked;
    this.take = take;
    this.answered = this.#answered.promise;
    this.#remove = remove;
    this.#onCancelled = onCancelled;
  }

  /** What the server listens on: {@linkcode asked} with the port that it chose. */
  get bound(): Bind {
    return this.#bound;
  }

  /** Whether the server listens there for it. */
  get held(): boolean {
    return this.#held;
  }

  /** The server listens. */
  confirm(bound: Bind): void {
    this.#bound = bound;
    this.#held = true;
    this.#answered.resolve();
  }

  /** Hands over a connection. */
  pass(open: ForwardedOpen): Promise<void> {
    return this.#inspect
      ? this.#passInspected(open, this.#inspect)
      : this.take(open);
  }

  async #passInspected(
    open: ForwardedOpen,
    inspect: ForwardedOpenInspector,
  ): Promise<void> {
    const passed = await inspect(open);
    if (passed) await this.take(passed);
  }

  /**
   * Inspects each connection before it is handed over, while some work runs.
   * Such work takes turns.
   *
   * @param inspect Returns the connection, or keeps it.
   */
  inspectDuring<T>(
    inspect: ForwardedOpenInspector,
    work: () => Promise<T>,
  ): Promise<T> {
    return this.#inspections.take(async () => {
      this.#inspect = inspect;
      try {
        return await work();
      } finally {
        this.#inspect = undefined;
      }
    });
  }

  /** Called when the server has stopped listening because of a `cancelForward()`. */
  cancel(): void {
    this.remove();
    this.#onCancelled();
  }

  /** Takes no further connections. Idempotent. */
  remove(): void {
    this.#answered.resolve();
    this.#remove(this);
  }
}
