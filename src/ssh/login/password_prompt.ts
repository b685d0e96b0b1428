import { ArgumentError } from "../../errors.ts";
import type { AskSecret, KeyboardInteractive } from "../options.ts";
import type { Attempt } from "./attempt.ts";

/** The user's password, known or to be asked for. */
export class PasswordPrompt {
  readonly #password: string | AskSecret;
  #gaveUp = false;

  constructor(password: string | AskSecret) {
    this.#password = password;
  }

  /** Whether there is somebody to ask, who may say something else the next time. */
  get asks(): boolean {
    return typeof this.#password === "function";
  }

  /** Many servers ask for the password this way (PAM); anything else they ask is not for it. */
  readonly answer: KeyboardInteractive = async ({ prompts }) => {
    const [prompt] = prompts;
    const asked = prompts.length === 1 && prompt && !prompt.echo;
    if (!asked) return prompts.map(() => "");
    const password = await this.#get();
    return password === undefined ? undefined : [password];
  };

  /** The way to log in that RFC 4252 section 8 has for it. */
  attempt(username: string, maxPrompts: number): Attempt {
    const type = "password";
    const how = async () => {
      const password = await this.#get();
      return password === undefined
        ? undefined
        : { type, username, password } as const;
    };
    const triesLeft = this.asks ? maxPrompts : 1;
    return { method: type, label: type, how, triesLeft };
  }

  async #get(): Promise<string | undefined> {
    if (typeof this.#password === "string") return this.#password;
    if (this.#gaveUp) return undefined;
    const password: unknown = await this.#password();
    if (typeof password === "string") return password;
    if (password !== undefined) {
      throw new ArgumentError("password", "has to give text, or undefined");
    }
    this.#gaveUp = true;
    return undefined;
  }
}
