import { ArgumentError, AuthenticationError } from "../../errors.ts";
import {
  readPasswordChangeRequest,
  writePasswordRequest,
} from "../messages/login_messages.ts";
import type {
  AskSecret,
  ChangePassword,
  KeyboardInteractive,
} from "../connect_options.ts";
import { printableLines } from "../../text/printable.ts";
import type { Attempt } from "./attempt.ts";
import type { LoginDialog, LoginOutcome } from "./login_dialog.ts";

/** How often a new password may be refused. */
const MAX_CHANGES = 3;

/** The user's password, known or to be asked for. */
export class PasswordPrompt {
  readonly #password: string | AskSecret;
  #gaveUp = false;

  constructor(password: string | AskSecret) {
    this.#password = password;
  }

  /** Whether the password is asked for, so that the next answer may differ. */
  get asks(): boolean {
    return typeof this.#password === "function";
  }

  /** Many servers ask for the password this way (PAM); other questions are not for the password. */
  readonly answer: KeyboardInteractive = async ({ prompts }) => {
    const [prompt] = prompts;
    const asked = prompts.length === 1 && prompt && !prompt.echo;
    if (!asked) return prompts.map(() => "");
    const password = await this.#get();
    return password === undefined ? undefined : [password];
  };

  /** The attempt with method `password` (RFC 4252 section 8). */
  attempt(maxPrompts: number, change: ChangePassword | undefined): Attempt {
    const attempt: Attempt = {
      method: "password",
      label: "password",
      run: async (dialog) => {
        dialog.waitFor("user");
        const password = await this.#get();
        if (password === undefined) return void (attempt.triesLeft = 0);
        const reply = await dialog.request(
          writePasswordRequest(dialog.user, password),
        );
        return reply.kind === "message"
          ? await this.#change(password, reply.message, change, dialog)
          : reply;
      },
      triesLeft: this.asks ? maxPrompts : 1,
    };
    return attempt;
  }

  /** The password was right, and has to be changed. */
  async #change(
    password: string,
    message: Uint8Array,
    change: ChangePassword | undefined,
    dialog: LoginDialog,
  ): Promise<LoginOutcome> {
    for (let asked = 0; change && asked < MAX_CHANGES; asked++) {
      const prompt = printableLines(readPasswordChangeRequest(message));
      dialog.waitFor("user");
      const wanted: unknown = await change(prompt.join("\n"));
      if (wanted === undefined) break;
      if (typeof wanted !== "string") {
        throw new ArgumentError(
          "changePassword",
          "has to give text, or undefined",
        );
      }
      const reply = await dialog.request(
        writePasswordRequest(dialog.user, password, wanted),
      );
      if (reply.kind !== "message") return reply;
      message = reply.message; // it is not good enough, or the old one was wrong
    }
    throw new AuthenticationError(
      "authentication-failed",
      `the password of ${dialog.user} has expired; log in with ssh to set a new one`,
    );
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
