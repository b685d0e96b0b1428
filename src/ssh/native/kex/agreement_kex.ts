import { ProtocolError } from "../../../errors.ts";
import { WireReader, WireWriter } from "../../wire.ts";
import type { KeyAgreement } from "./key_agreement.ts";
import type { KexHash, KexMethod } from "./kex_method.ts";

/** SSH_MSG_KEXDH_INIT and SSH_MSG_KEX_ECDH_INIT. */
const INIT = 30;
/** SSH_MSG_KEXDH_REPLY and SSH_MSG_KEX_ECDH_REPLY. */
const REPLY = 31;

/** What a method hashes and sends values as. */
export interface ValueEncoding {
  /** Each side's share. */
  readonly share: "mpint" | "string";
  /** The secret. */
  readonly secret: "mpint" | "string";
}

/**
 * A method with one message from each side, which carries its share: RFC 4253
 * section 8, RFC 5656 section 4, RFC 8731, RFC 9941 and the ML-KEM hybrids.
 */
export function agreementKex(
  name: string,
  hash: KexHash,
  encoding: ValueEncoding,
  agreement: KeyAgreement,
): KexMethod {
  const result = (
    first: Uint8Array,
    second: Uint8Array,
    secret: Uint8Array,
  ) => {
    const encoded = new WireWriter()[encoding.secret](secret).bytes();
    secret.fill(0);
    return {
      publicValues: new WireWriter()[encoding.share](first)
        [encoding.share](second).bytes(),
      secret: encoded,
    };
  };

  return {
    name,
    hash,

    client() {
      const initiation = agreement.initiate();
      initiation.catch(() => {}); // start() reports it, unless the exchange ends first
      return {
        async start() {
          const { share } = await initiation;
          return new WireWriter().byte(INIT)[encoding.share](share).bytes();
        },
        async receive(message) {
          const reader = readMessage(name, message, REPLY);
          const hostKey = reader.string();
          const share = reader[encoding.share]();
          const signature = reader.string();
          reader.end();
          const own = await initiation;
          const secret = await own.finish(share);
          return { ...result(own.share, share, secret), hostKey, signature };
        },
      };
    },

    server: () => ({
      async receive(message) {
        const reader = readMessage(name, message, INIT);
        const first = reader[encoding.share]();
        reader.end();
        const { share, secret } = await agreement.respond(first);
        return {
          ...result(first, share, secret),
          reply: (hostKey, signature) =>
            new WireWriter().byte(REPLY).string(hostKey)
              [encoding.share](share).string(signature).bytes(),
        };
      },
    }),
  };
}

/**
 * Begins to read a copy of a message, behind its number.
 *
 * @throws {ProtocolError} if it is not the message that the method expects next.
 */
export function readMessage(
  method: string,
  message: Uint8Array,
  expected: number,
): WireReader {
  const reader = new WireReader(new Uint8Array(message));
  const received = reader.byte();
  if (received === expected) return reader;
  throw new ProtocolError(
    `${method} expected message ${expected}, not ${received}`,
  );
}
