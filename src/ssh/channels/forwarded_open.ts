import { type RefusalReason, RForwardError } from "../../errors.ts";
import type {
  Bind,
  ForwardedOpen,
  Originator,
  SshChannel,
} from "../connection.ts";
import type { ChannelOpen } from "../messages/connection_messages.ts";
import type { ForwardedConnection } from "../messages/request_payloads.ts";

/** Sends the two answers. */
interface Answerer {
  confirm(open: IncomingOpen): SshChannel;
  refuse(open: IncomingOpen, reason: RefusalReason, text: string): void;
}

/** What the answer to a CHANNEL_OPEN goes by. */
type ChannelOffer = Pick<ChannelOpen, "sender" | "window" | "maxPacket">;

/** A CHANNEL_OPEN of the server that waits for exactly one answer. */
export class IncomingOpen implements ForwardedOpen {
  readonly bind: Bind;
  readonly originator: Originator;
  /** The channel as the server describes it. */
  readonly offer: ChannelOffer;
  readonly #answerer: Answerer;
  #gone: AbortController | undefined;
  #lost: RForwardError | undefined;
  #answered = false;

  constructor(
    { bind, originator }: ForwardedConnection,
    offer: ChannelOffer,
    answerer: Answerer,
  ) {
    this.bind = bind;
    this.originator = originator;
    this.offer = offer;
    this.#answerer = answerer;
  }

  get answered(): boolean {
    return this.#answered;
  }

  get signal(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#lost) this.#gone.abort(this.#lost);
    return this.#gone.signal;
  }

  confirm(): SshChannel {
    if (this.#lost) throw this.#lost;
    if (this.#answered) {
      throw new RForwardError(
        "channel-closed",
        "the connection was confirmed or refused before",
      );
    }
    this.#answered = true;
    return this.#answerer.confirm(this);
  }

  refuse(reason: RefusalReason, text: string): void {
    if (this.#answered) return;
    this.#answered = true;
    if (!this.#lost) this.#answerer.refuse(this, reason, text);
  }

  /** Called when the connection ends: no answer can be sent. */
  onConnectionEnd(error: RForwardError): void {
    this.#lost = error;
    this.#gone?.abort(error);
  }
}
