import type { KeyboardInteractive } from "../ssh/options.ts";
import type { Prompts } from "./terminal/prompts.ts";

/**
 * What a person was asked for, kept for as long as the command runs: when the
 * connection is made anew, nobody may be there to answer.
 */
export class Secrets {
  /** Asks the person, while there is one. */
  prompts: Prompts | undefined;
  /** What was answered, by what it was asked for. */
  readonly known = new Map<string, string>();

  /** @param prompts Asks the person; undefined if there is none. */
  constructor(prompts: Prompts | undefined) {
    this.prompts = prompts;
  }
}

/** Answers the questions of one login: what is asked for twice was wrong at first. */
export class LoginSecrets {
  readonly #secrets: Secrets;
  readonly #user: string;
  readonly #host: string;
  readonly #given = new Set<string>();

  constructor(secrets: Secrets, user: string, host: string) {
    this.#secrets = secrets;
    this.#user = user;
    this.#host = host;
  }

  /** What decrypts a key; undefined if nobody knows. */
  passphrase(file: string): Promise<string | undefined> {
    return this.#give(file, (prompts) => prompts.passphrase(file));
  }

  /** The user's password; undefined if nobody knows. */
  password(): Promise<string | undefined> {
    return this.#give(
      `${this.#user}@${this.#host}`,
      (prompts) => prompts.password(this.#user, this.#host),
    );
  }

  /**
   * Answers what the server asks. If that is one secret, as where it asks for
   * the password in this way, the same question gets the same answer when the
   * connection is made anew.
   */
  readonly keyboardInteractive: KeyboardInteractive = async (request) => {
    const ask = (prompts: Prompts) =>
      prompts.keyboardInteractive(this.#user, this.#host)(request);
    const [first, second] = request.prompts;
    if (!first || second || first.echo) {
      const { prompts } = this.#secrets;
      return prompts && await ask(prompts);
    }
    const answer = await this.#give(
      `${this.#user}@${this.#host} ${first.text}`,
      async (prompts) => (await ask(prompts))?.[0],
    );
    return answer === undefined ? undefined : [answer];
  };

  async #give(
    what: string,
    ask: (prompts: Prompts) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const { known, prompts } = this.#secrets;
    if (this.#given.has(what)) known.delete(what);
    this.#given.add(what);
    const answer = known.get(what) ?? (prompts && await ask(prompts));
    if (answer !== undefined) known.set(what, answer);
    return answer;
  }
}
