import type { LoginDialog, LoginOutcome } from "./login_dialog.ts";

/** One way to log in. */
export interface Attempt {
  /** The method's name (RFC 4252), by which the server offers it. */
  readonly method: "publickey" | "keyboard-interactive" | "password";
  /** For messages: what was tried, without a secret. */
  readonly label: string;
  /**
   * Tries it.
   *
   * @returns undefined if there was nothing to send, e.g. because the user cancelled.
   * @throws {UnusableKeyError} if a key cannot be used; the login continues without it.
   */
  run(dialog: LoginDialog): Promise<LoginOutcome | undefined>;
  /** How many more times it may be tried. */
  triesLeft: number;
  /** The key's type, where it is a single key. */
  readonly keyType?: string | undefined;
  /** Which of a key's signature algorithms to use: 0, the default, for the first, 1 for the one after it. */
  readonly choice?: number;
  /** Whether an agent failed, so that the server's refusal says nothing about its keys. */
  readonly agentFailed?: boolean;
}
