import type { Reporter } from "../report/reporter.ts";
import type { Asker } from "./terminal.ts";

/** Pauses a reporter while a question is asked. */
export class PausingAsker implements Asker {
  readonly #asker: Asker;
  readonly #reporter: Reporter;

  /** @param reporter Shares the screen with the questions. */
  constructor(asker: Asker, reporter: Reporter) {
    this.#asker = asker;
    this.#reporter = reporter;
  }

  /** Shows text. */
  write(text: string): void {
    using _ = this.#reporter.pause();
    this.#asker.write(text);
  }

  /** Asks a question whose answer is shown. */
  async askLine(question: string, signal?: AbortSignal): Promise<string> {
    using _ = this.#reporter.pause();
    return await this.#asker.askLine(question, signal);
  }

  /** Asks a question whose answer is hidden. */
  async askHidden(question: string, signal?: AbortSignal): Promise<string> {
    using _ = this.#reporter.pause();
    return await this.#asker.askHidden(question, signal);
  }
}
