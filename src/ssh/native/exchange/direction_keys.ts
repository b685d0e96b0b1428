import { macs } from "../../cipher/mac.ts";
import type { OpeningKey, SealingKey } from "../../cipher/packet_cipher.ts";
import { packetCiphers } from "../../cipher/packet_ciphers.ts";
import type { NegotiatedDirection } from "../../message_transport.ts";
import { deriveKeys, type SharedSecret } from "./key_derivation.ts";

/** The key of one direction after a key exchange, for either end of it. */
export interface DirectionKeys {
  sealing(): SealingKey;
  opening(): OpeningKey;
}

/** Derives the keys of one direction for the negotiated algorithms. The bytes that they are made from are wiped. */
export function directionKeys(
  shared: SharedSecret,
  sessionId: Uint8Array,
  which: "toServer" | "toClient",
  negotiated: NegotiatedDirection,
): DirectionKeys {
  const cipher = packetCiphers.get(negotiated.cipher)!;
  const mac = macs.get(negotiated.mac);
  const use = <T>(make: (keys: ReturnType<typeof deriveKeys>) => T): T => {
    const keys = deriveKeys(shared, sessionId, which, {
      iv: cipher.ivSize,
      key: cipher.keySize,
      macKey: mac?.keySize ?? 0,
    });
    const made = make(keys);
    for (const bytes of [keys.iv, keys.key, keys.macKey]) bytes.fill(0);
    return made;
  };
  return {
    sealing: () => use((keys) => cipher.sealingKey(keys, mac)),
    opening: () => use((keys) => cipher.openingKey(keys, mac)),
  };
}
