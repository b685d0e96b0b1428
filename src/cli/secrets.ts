import type { KeyboardInteractive } from "../ssh/options.ts";
import type { Prompts } from "./prompts.ts";

/**
 * What a person was asked for, kept for as long as the command runs: when the
 * connection is made anew, nobody may be there to answer.
 */
export class Secrets {
  readonly #known = new Map<string, string>();
  /** What was given since the connection was begun: if it is asked for again, it was wrong. */
  readonly #given = new Set<string>();
  #prompts: Prompts | undefined;

  /** @param prompts Asks the person; undefined if there is none. */
  constructor(prompts: Prompts | undefined) {
    this.#prompts = prompts;
  }

  /** Asks the person, while there is one. */
  get prompts(): Prompts | undefined {
    return this.#prompts;
  }

  /** A connection is begun. */
  begin(): void {
    this.#given.clear();
  }

  /** From now on nobody is asked. */
  stopAsking(): void {
    this.#prompts = undefined;
  }

  /** What decrypts a key; undefined if nobody knows. */
  async passphrase(
    file: string,
    opens: (passphrase: string) => Promise<boolean>,
  ): Promise<string | undefined> {
    // It was tried here: no server can say that it is wrong.
    const passphrase = this.#known.get(file) ??
      await this.#prompts?.passphrase(file, opens);
    if (passphrase !== undefined) this.#known.set(file, passphrase);
    return passphrase;
  }

  /** A user's password; undefined if nobody knows. */
  password(user: string, host: string): Promise<string | undefined> {
    return this.#give(
      `${user}@${host}`,
      () => this.#prompts?.password(user, host),
    );
  }

  /**
   * Answers what a server asks. If that is one secret, as where it asks for
   * the password in this way, the same question gets the same answer when the
   * connection is made anew.
   */
  keyboardInteractive(user: string, host: string): KeyboardInteractive {
    return async (request) => {
      const ask = async () =>
        await this.#prompts?.keyboardInteractive(user, host)(request) ?? [];
      const [first, second] = request.prompts;
      if (!first || second || first.echo) return await ask();
      const answer = await this.#give(
        `${user}@${host} ${first.text}`,
        async () => (await ask())[0],
      );
      return answer === undefined ? [] : [answer];
    };
  }

  async #give(
    what: string,
    ask: () => Promise<string | undefined> | undefined,
  ): Promise<string | undefined> {
    if (this.#given.has(what)) this.#known.delete(what);
    const answer = this.#known.get(what) ?? await ask();
    if (answer !== undefined) this.#known.set(what, answer);
    this.#given.add(what);
    return answer;
  }
}
