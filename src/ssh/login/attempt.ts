import type { AnyAuthMethod } from "../ssh2.ts";

/** One way to log in. */
export interface Attempt {
  /** The method's name (RFC 4252), by which the server offers it. */
  readonly method: "publickey" | "keyboard-interactive" | "password";
  /** For people: what it was, without a secret. */
  readonly label: string;
  /** What ssh2 is to do, or who asks the user for it and gets nothing if the user gives up. */
  readonly how: AnyAuthMethod | (() => Promise<AnyAuthMethod | undefined>);
  /** How often it may be tried still. */
  triesLeft: number;
  /** The key's type, where it is a single key. */
  readonly keyType?: string;
  /** Which of an RSA key's signature algorithms to use: 0, the default, for the first, 1 for the one after it. */
  choice?: number;
  /** Whether an agent failed, so that the server's refusal says nothing about its keys. */
  readonly agentFailed?: boolean;
}
