import type { SigningKey } from "../../keys/private/signing_key.ts";
import type { LoginDialog } from "../login_dialog.ts";

/**
 * Holds keys and signs with them. An {@linkcode UnusableKeyError}
 * says why that is not possible, and the login continues; any other ends it.
 */
export interface KeyHolder {
  /** For messages: its name, and what it offers. */
  readonly label: string;
  /** Whether an agent failed. */
  readonly agentFailed?: boolean;
  keys(dialog: LoginDialog): Promise<readonly SigningKey[]>;
}
