import type { Logger } from "../../logger.ts";
import type { HostKey } from "../../ssh/host_keys/host_keys.ts";
import type { KeyboardInteractive } from "../../ssh/options.ts";
import { printable, printableLines } from "../../text/printable.ts";
import type { Prompts } from "../terminal/prompts.ts";
import type { Asker } from "../terminal/terminal.ts";

/**
 * What a person was asked for, kept for as long as the command runs: when the
 * connection is made again, the person may be away.
 */
export class Secrets {
  /** Asks the person at the terminal; undefined without a terminal, and once connected. */
  asker: Asker | undefined;
  /** What was answered, by what it was asked for. */
  readonly known = new Map<string, string>();
  /** The host keys that were said to be right. */
  readonly hostKeys = new Set<string>();
  /** The logins of servers that ask a question for which there was no answer. */
  readonly unanswered = new Set<string>();

  /** @param asker Asks the person; undefined without a terminal. */
  constructor(asker: Asker | undefined) {
    this.asker = asker;
  }
}

/** Whose login it is, and who helps with it. */
export interface Login {
  readonly user: string;
  readonly host: string;
  /** What tells the server from all others: a secret for one is not for another. */
  readonly server: string;
  /** Asks the person; undefined if that is not possible or allowed. */
  readonly prompts: Prompts | undefined;
  /** Where to tell what would have been asked. */
  readonly logger: Logger;
}

/** Answers the questions of one login. A secret that is asked for again was wrong. */
export class LoginSecrets {
  readonly #secrets: Secrets;
  readonly #login: Login;
  readonly #given = new Set<string>();

  /** Begins to answer. */
  constructor(secrets: Secrets, login: Login) {
    this.#secrets = secrets;
    this.#login = login;
  }

  /** Whether a secret can be asked for, or one is known. */
  get mayAnswer(): boolean {
    return this.#login.prompts !== undefined || this.#secrets.known.size > 0;
  }

  /**
   * Whether to try keyboard-interactive: there are servers that ask nothing.
   * One that asked a question without an answer is not tried again.
   */
  get mayTryKeyboardInteractive(): boolean {
    const { user, server, prompts } = this.#login;
    return prompts !== undefined ||
      !this.#secrets.unanswered.has(`${user} ${server}`);
  }

  /** Whether there is anybody to ask about host keys, or was. */
  get mayAccept(): boolean {
    return this.#login.prompts !== undefined || this.#secrets.hostKeys.size > 0;
  }

  /** Whether an unknown host's key is right. Who was asked once is not asked again, also if it could not be written down. */
  async hostKey(key: HostKey): Promise<boolean> {
    const { hostKeys } = this.#secrets;
    const name = `${key.hostname} ${key.port} ${key.fingerprint}`;
    if (hostKeys.has(name)) return true;
    const right = await this.#login.prompts?.confirmHostKey(key) ?? false;
    if (right) hostKeys.add(name);
    return right;
  }

  /** The passphrase of a key; undefined if it is not known. */
  async passphrase(file: string): Promise<string | undefined> {
    const { prompts, logger } = this.#login;
    const answer = await this.#give(
      file,
      (prompts) => prompts.passphrase(file),
    );
    if (answer === undefined && !prompts) {
      logger.warn(
        `the key ${file} needs a passphrase, and there is no terminal to ask for it; add the key to ssh-agent`,
      );
    }
    return answer;
  }

  /** The user's password; undefined if it is not known. */
  password(): Promise<string | undefined> {
    const { user, host, server } = this.#login;
    return this.#give(
      `${user} ${server}`,
      (prompts) => prompts.password(user, host),
      (prompts) => prompts?.denied(),
    );
  }

  /** A new password for one that has expired; undefined if there is none. */
  async newPassword(said: string): Promise<string | undefined> {
    const { user, host, server, prompts } = this.#login;
    const answer = await prompts?.newPassword(user, host, said);
    if (answer !== undefined) {
      this.#secrets.known.set(`${user} ${server}`, answer);
    }
    return answer;
  }

  /**
   * Answers what the server asks. If that is one secret, as where it asks for
   * the password in this way, the same question gets the same answer when the
   * connection is made anew.
   */
  readonly keyboardInteractive: KeyboardInteractive = async (request) => {
    const { user, host, server, prompts, logger } = this.#login;
    const ask = async (prompts: Prompts) =>
      await prompts.keyboardInteractive(user, host)(request);
    const [first, second] = request.prompts;
    if (first && !second && !first.echo) {
      const answer = await this.#give(
        `${user} ${server} ${first.text}`,
        async (prompts) => (await ask(prompts))?.[0],
        (prompts) => prompts?.denied(),
      );
      if (answer !== undefined) return [answer];
    } else if (prompts) {
      return await ask(prompts);
    } else if (!first) {
      // What is only to be read.
      const text = `${request.name}\n${request.instruction}`.trim();
      for (const line of printableLines(text)) logger.info(line);
      return [];
    }
    if (!prompts) {
      this.#secrets.unanswered.add(`${user} ${server}`);
      logger.warn(
        `the server asks ${
          JSON.stringify(printable(first!.text))
        }, and there is no terminal to ask you on`,
      );
    }
    return undefined;
  };

  /** @param onRefused Called if the server refused what was given before. */
  async #give(
    what: string,
    ask: (prompts: Prompts) => Promise<string | undefined>,
    onRefused?: (prompts: Prompts | undefined) => void,
  ): Promise<string | undefined> {
    const { known } = this.#secrets;
    const { prompts } = this.#login;
    if (this.#given.has(what)) {
      known.delete(what);
      onRefused?.(prompts);
    }
    this.#given.add(what);
    const answer = known.get(what) ?? (prompts && await ask(prompts));
    if (answer !== undefined) known.set(what, answer);
    return answer;
  }
}
