import { isSameKey } from "../keys/public/key_blob.ts";
import { ProtocolError } from "../../errors.ts";
import { plainType } from "../keys/public/certificate.ts";
import type { SigningKey } from "../keys/private/signing_key.ts";
import {
  publicKeySignatureData,
  readPublicKeyOk,
  writePublicKeyQuery,
  writeSignedRequest,
} from "../messages/login_messages.ts";
import { WireReader } from "../wire.ts";
import type { KeyHolder } from "./user_keys/key_holder.ts";
import type { LoginDialog, LoginOutcome } from "./login_dialog.ts";
import { UnusableKeyError } from "./user_keys/unusable_key_error.ts";

/**
 * Logs in with a key (RFC 4252 section 7).
 *
 * @param algorithm One of the key's.
 * @param probe Whether to ask first if the server would accept the key: saves a signature, and a passphrase, if not.
 * @throws {UnusableKeyError} if the key cannot sign; the login may continue without it.
 */
export async function logInWithKey(
  key: SigningKey,
  algorithm: string,
  { probe }: { probe: boolean },
  dialog: LoginDialog,
): Promise<LoginOutcome> {
  const { blob } = key;
  const request = { user: dialog.user, algorithm, blob };
  if (probe) {
    const reply = await dialog.request(writePublicKeyQuery(request));
    if (reply.kind !== "message") return reply;
    const accepted = readPublicKeyOk(reply.message);
    if (!isSameKey(accepted.blob, blob)) {
      throw new ProtocolError("the server accepts a key that was not offered");
    }
  }
  dialog.waitFor("agent");
  const signature = await key.sign(
    algorithm,
    publicKeySignatureData(dialog.sessionId, request),
  );
  checkSignature(signature, algorithm);
  const reply = await dialog.request(writeSignedRequest(request, signature));
  if (reply.kind !== "message") return reply;
  throw new ProtocolError("the server asks for a signature that it was given");
}

/**
 * Offers the keys of a holder one after the other, as long as the server takes keys.
 *
 * @param choice Which of a key's signature algorithms to use.
 * @returns the last answer; undefined if there was nothing to offer.
 */
export async function logInWithKeys(
  holder: KeyHolder,
  choice: number,
  dialog: LoginDialog,
): Promise<LoginOutcome | undefined> {
  dialog.noteTried();
  dialog.waitFor("agent");
  let outcome: LoginOutcome | undefined;
  for (const key of await holder.keys(dialog)) {
    const algorithm = dialog.algorithmsFor(key)[choice];
    if (algorithm === undefined) continue;
    try {
      outcome = await logInWithKey(key, algorithm, { probe: true }, dialog);
    } catch (error) {
      if (!(error instanceof UnusableKeyError)) throw error;
      dialog.skipKey(error);
      continue;
    }
    const goesOn = outcome.kind === "failure" &&
      outcome.methods.includes("publickey");
    if (!goesOn) break;
  }
  return outcome;
}

/** Old agents always sign with SHA-1, which servers would count as a failure. */
function checkSignature(signature: Uint8Array, algorithm: string): void {
  let signedWith: string;
  try {
    const reader = new WireReader(signature);
    signedWith = reader.text();
    reader.string();
  } catch (cause) {
    throw new UnusableKeyError("the signature is not one", { cause });
  }
  if (signedWith === plainType(algorithm)) return;
  throw new UnusableKeyError(
    `the signature is not of the algorithm ${algorithm}`,
  );
}
