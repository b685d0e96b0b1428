import type { LockedKey } from "./user_keys/locked_key.ts";
import type { NamedAgentKey } from "./user_keys/named_agent_key.ts";
import type { LoadedKey } from "./user_keys/private_keys.ts";
import type { UserCertificate } from "./user_keys/user_certificates.ts";

/** A key that was prepared to log in with. */
export type UserKey = LoadedKey | LockedKey | NamedAgentKey;

/** What was prepared to log in with. */
export interface Credentials {
  /** The private keys, read. */
  readonly privateKeys: readonly UserKey[];
  /** The files of optional private keys that are missing or unusable. */
  readonly missingFiles: readonly string[];
  /** The certificates of these keys and the agent's. */
  readonly certificates: readonly UserCertificate[];
  /** The agent's socket. */
  readonly agent: string | undefined;
  /** The only keys of the agent to offer, as they go over the wire; all of them if undefined. */
  readonly agentKeys: readonly Uint8Array[] | undefined;
}
