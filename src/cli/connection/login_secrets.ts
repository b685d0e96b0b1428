import type { Logger } from "../../logger.ts";
import type { HostKey, HostKeyChanges } from "../../ssh/host_keys/host_key.ts";
import type { KeyboardInteractive } from "../../ssh/connect_options.ts";
import { printable, printableLines } from "../../text/printable.ts";
import type { Prompts } from "../terminal/prompts.ts";
import type { Secrets } from "./secrets.ts";

/** Who logs in where, and who can be asked. */
export interface LoginParty {
  readonly user: string;
  readonly host: string;
  /** Identifies the server: a secret for one is not given to another. */
  readonly server: string;
  /** Asks the person; undefined if that is not possible or allowed. */
  readonly prompts: Prompts | undefined;
  /** Logs what would have been asked without a terminal. */
  readonly logger: Logger;
}

/** Answers the questions of one login. A secret that is asked for again was wrong, and is forgotten. */
export class LoginSecrets {
  readonly #secrets: Secrets;
  readonly #login: LoginParty;
  readonly #given = new Set<string>();

  constructor(secrets: Secrets, login: LoginParty) {
    this.#secrets = secrets;
    this.#login = login;
  }

  /** Whether a secret is known or can be asked for. */
  get mayAnswer(): boolean {
    return this.#login.prompts !== undefined || this.#secrets.known.size > 0;
  }

  /**
   * Whether to try keyboard-interactive. Without a terminal it is tried too, as
   * some servers ask nothing, until one asks a question.
   */
  get mayTryKeyboardInteractive(): boolean {
    const { user, server, prompts } = this.#login;
    return prompts !== undefined ||
      !this.#secrets.unanswered.has(`${user} ${server}`);
  }

  /** Whether unknown host keys can be accepted: there is a person to ask, or was one. */
  get mayAccept(): boolean {
    return this.#login.prompts !== undefined || this.#secrets.hostKeys.size > 0;
  }

  /** Whether there is a person to ask. */
  get mayAsk(): boolean {
    return this.#login.prompts !== undefined;
  }

  /** Whether to change known_hosts, as the server has other keys than before. */
  async hostKeyUpdate(
    changes: HostKeyChanges,
    signal: AbortSignal,
  ): Promise<boolean> {
    return await this.#login.prompts?.confirmHostKeys(changes, signal) ?? false;
  }

  /** Whether to accept an unknown host key. A key is asked about only once, even if it could not be stored. */
  async hostKey(key: HostKey): Promise<boolean> {
    const { hostKeys } = this.#secrets;
    const name = `${key.hostname} ${key.port} ${key.fingerprint}`;
    if (hostKeys.has(name)) return true;
    const isAccepted = await this.#login.prompts?.confirmHostKey(key) ?? false;
    if (isAccepted) hostKeys.add(name);
    return isAccepted;
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

  /** A new password for one that has expired; undefined if the person gives none. */
  async newPassword(said: string): Promise<string | undefined> {
    const { user, host, server, prompts } = this.#login;
    const answer = await prompts?.newPassword(user, host, said);
    if (answer !== undefined) {
      this.#secrets.known.set(`${user} ${server}`, answer);
    }
    return answer;
  }

  /**
   * Answers the server's questions. A single secret, such as the password, is
   * remembered for the same question of the next connection.
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
      // A text without a question.
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

  /** @param onRefused Called if the server refused the answer before. */
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
