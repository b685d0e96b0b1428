import { ProtocolError } from "../../../errors.ts";
import type { SigningKey } from "../../keys/private/signing_key.ts";
import { verifySignature } from "../../keys/public/verify_signature.ts";
import { WireWriter } from "../../wire.ts";
import { hashOf, type SharedSecret } from "./key_derivation.ts";
import type { ClientKex, KexResult, ServerKex } from "../kex/kex_method.ts";
import { kexMethods } from "../kex/kex_methods.ts";
import type { Agreement } from "./negotiation.ts";

/** What precedes the method's own messages in the exchange hash (RFC 4253 section 8). */
export interface Transcript {
  /** V_C and V_S: the identifications. */
  readonly clientVersion: Uint8Array;
  readonly serverVersion: Uint8Array;
  /** I_C and I_S: the KEXINIT messages. */
  readonly clientKexInit: Uint8Array;
  readonly serverKexInit: Uint8Array;
}

/** One run of a key exchange method, in one of the roles. */
export interface KeyExchange {
  /** The message that starts it; undefined for a server. */
  start(): Promise<Uint8Array | undefined>;
  /**
   * Handles the peer's next message.
   *
   * @returns a message to send, if any, and the shared secret at the end.
   * @throws {ProtocolError} if the message is not the expected one, or the signature is not valid.
   */
  receive(
    message: Uint8Array,
  ): Promise<{ send?: Uint8Array; shared?: SharedSecret }>;
}

/**
 * Runs the client's side.
 *
 * @param acceptHostKey Throws unless the host key is the server's; its signature has been verified.
 */
export function clientExchange(
  agreement: Agreement,
  transcript: Transcript,
  acceptHostKey: (
    hostKey: Uint8Array,
    signature: Uint8Array,
  ) => Promise<void>,
): KeyExchange {
  const method = methodOf(agreement);
  const kex: ClientKex = method.client();
  return {
    start: () => kex.start(),
    async receive(message) {
      const answer = await kex.receive(message);
      if ("send" in answer) return answer;
      const { hostKey, signature } = answer;
      const shared = sharedSecret(method.hash, transcript, hostKey, answer);
      const { exchangeHash } = shared;
      await verifySignature(
        agreement.hostKey,
        hostKey,
        exchangeHash,
        signature,
        // How many bits are enough is the policy's to say.
        { minRsaBits: 1024 },
      );
      await acceptHostKey(hostKey, signature);
      return { shared };
    },
  };
}

/** Runs the server's side, which signs with the host key of the algorithm that was agreed on. */
export function serverExchange(
  agreement: Agreement,
  transcript: Transcript,
  hostKeys: readonly SigningKey[],
): KeyExchange {
  const method = methodOf(agreement);
  const kex: ServerKex = method.server();
  const algorithm = agreement.hostKey;
  const key = hostKeys.find(({ algorithms }) => algorithms.includes(algorithm));
  if (!key) throw new TypeError(`there is no host key for ${algorithm}`);
  return {
    start: () => Promise.resolve(undefined),
    async receive(message) {
      const answer = await kex.receive(message);
      if ("send" in answer) return answer;
      const shared = sharedSecret(method.hash, transcript, key.blob, answer);
      const signature = await key.sign(algorithm, shared.exchangeHash);
      return { send: answer.reply(key.blob, signature), shared };
    },
  };
}

function methodOf({ kex }: Agreement) {
  const method = kexMethods.get(kex);
  if (method) return method;
  throw new ProtocolError(`unknown key exchange ${kex}`);
}

/** Computes the exchange hash (RFC 4253 section 8). */
function sharedSecret(
  hash: SharedSecret["hash"],
  transcript: Transcript,
  hostKey: Uint8Array,
  { publicValues, secret }: KexResult,
): SharedSecret {
  const before = new WireWriter(4096)
    .string(transcript.clientVersion)
    .string(transcript.serverVersion)
    .string(transcript.clientKexInit)
    .string(transcript.serverKexInit)
    .string(hostKey)
    .bytes();
  const exchangeHash = hashOf(hash, before, publicValues, secret);
  return { hash, secret, exchangeHash };
}
