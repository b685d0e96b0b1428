import { callBack } from "../../call_back.ts";
import { channel } from "node:diagnostics_channel";
import type { Logger } from "../../logger.ts";
import { EventStream } from "./event_stream.ts";
import type { SupervisorEvent } from "./supervisor_options.ts";

/** Where tools find the events of all supervisors (node:diagnostics_channel). */
const diagnostics = channel("rforward:supervisor");

/** Passes a supervisor's events to whoever wants them: a callback, iterators, a diagnostics channel. */
export class EventHub {
  readonly #source: object;
  readonly #logger: Logger;
  readonly #onEvent: ((event: SupervisorEvent) => void) | undefined;
  readonly #streams = new Set<EventStream<SupervisorEvent>>();
  #ended = false;

  /** @param source The supervisor, which the diagnostics channel names. */
  constructor(
    source: object,
    onEvent: ((event: SupervisorEvent) => void) | undefined,
    logger: Logger,
  ) {
    this.#source = source;
    this.#onEvent = onEvent;
    this.#logger = logger;
  }

  /** Passes an event on. */
  emit(event: SupervisorEvent): void {
    if (this.#onEvent) {
      const onEvent = this.#onEvent;
      callBack("the supervisor's onEvent", this.#logger, () => onEvent(event));
    }
    // Errors of subscribers are their own: Node reports them as uncaught.
    if (diagnostics.hasSubscribers) {
      diagnostics.publish({ supervisor: this.#source, event });
    }
    for (const stream of this.#streams) stream.add(event);
  }

  /** Ends the iterators: no more events come that are for them. */
  end(): void {
    this.#ended = true;
    for (const stream of this.#streams) stream.end();
  }

  /** The events from now on. */
  stream(): EventStream<SupervisorEvent> {
    const stream = new EventStream<SupervisorEvent>(() =>
      this.#streams.delete(stream)
    );
    if (this.#ended) stream.end();
    else this.#streams.add(stream);
    return stream;
  }
}
