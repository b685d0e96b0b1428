import type { SigningKey } from "../keys/private/signing_key.ts";
import type { LoginFailure } from "../messages/login_messages.ts";
import type { UnusableKeyError } from "./user_keys/unusable_key_error.ts";

/** What the server answers to a request. */
export type LoginReply =
  /** The user is logged in. */
  | { readonly kind: "success" }
  /** SSH_MSG_USERAUTH_FAILURE: refused, or more is wanted. */
  | { readonly kind: "failure" } & LoginFailure
  /** A message of the method's own, numbers 60 to 79 (RFC 4252 section 6). */
  | { readonly kind: "message"; readonly message: Uint8Array };

/** How a login attempt ended. */
export type LoginOutcome = Exclude<LoginReply, { kind: "message" }>;

/** What attempts to log in need: facts of the login, and the dialog with the server. */
export interface LoginDialog {
  /** The user to log in as. */
  readonly user: string;
  /** What signatures are bound to. */
  readonly sessionId: Uint8Array;
  /** Aborts when the attempt is over. */
  readonly signal: AbortSignal;
  /** Reports whether the server or the user has to answer next, which starts or stops time limits. */
  waitFor(whom: "server" | "agent" | "user"): void;
  /** Lists the attempt under way as tried; a request does so, too. */
  noteTried(): void;
  /** Signature algorithms of a key that both sides would use, in the order to try them. */
  algorithmsFor(key: SigningKey): readonly string[];
  /** Continues without a key. */
  skipKey(error: UnusableKeyError): void;
  /**
   * Sends a request and waits for the answer.
   *
   * @throws {ProtocolError} if the reply does not answer it.
   */
  request(message: Uint8Array): Promise<LoginReply>;
}
