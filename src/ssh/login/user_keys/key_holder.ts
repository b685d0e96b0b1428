import type { SigningKey } from "../../keys/private/signing_key.ts";
import type { LoginDialog } from "../login_dialog.ts";

/**
 * Who has keys and signs with them. An {@linkcode UnusableKeyError} of theirs
 * says why that is not possible, and the login continues; any other ends it.
 */
export interface KeyHolder {
  /** For people: who it is, and what it has to offer. */
  readonly label: string;
  /** Whether an agent failed. */
  readonly agentFailed?: boolean;
  /** The keys. */
  keys(dialog: LoginDialog): Promise<readonly SigningKey[]>;
}
