import { type RefusalReason, RForwardError } from "../../errors.ts";
import type {
  Bind,
  ForwardedOpen,
  Originator,
  SshChannel,
} from "../connection.ts";

/** How the two answers are sent. */
interface Answers {
  confirm(): SshChannel;
  refuse(reason: RefusalReason, text: string): void;
}

/** A CHANNEL_OPEN of the server that waits for exactly one answer. */
export class IncomingOpen implements ForwardedOpen {
  readonly bind: Bind;
  readonly originator: Originator;
  readonly #answers: Answers;
  #gone: AbortController | undefined;
  #lost: RForwardError | undefined;
  #answered = false;

  constructor(bind: Bind, originator: Originator, answers: Answers) {
    this.bind = bind;
    this.originator = originator;
    this.#answers = answers;
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
    return this.#answers.confirm();
  }

  refuse(reason: RefusalReason, text: string): void {
    if (this.#answered) return;
    this.#answered = true;
    if (!this.#lost) this.#answers.refuse(reason, text);
  }

  /** Called when the connection ends: no answer can be sent. */
  onConnectionEnd(error: RForwardError): void {
    this.#lost = error;
    this.#gone?.abort(error);
  }
}
