import type { HostKeyVerifier } from "./host_key.ts";
import type { HostKey } from "./host_key.ts";
import { rejectedError } from "./host_key_errors.ts";

/** @throws {HostKeyError} `rejected`, unless the user's own verifier accepts the key. */
export async function askVerifier(
  verifier: HostKeyVerifier,
  key: HostKey,
): Promise<void> {
  let options: ErrorOptions | undefined;
  try {
    if (await verifier(key) === true) return;
  } catch (cause) {
    options = { cause };
  }
  throw rejectedError(key, options);
}
