import { concat } from "../../../streams/concat.ts";
import { ProtocolError } from "../../../errors.ts";
import type { KeyAgreement } from "./key_agreement.ts";

/** One half of a {@linkcode hybrid}, and the sizes of its shares in bytes. */
export interface HybridHalf {
  readonly agreement: KeyAgreement;
  /** Of the first side's share. */
  readonly first: number;
  /** Of the second side's. */
  readonly second: number;
}

/**
 * Two agreements in one, safe as long as either is: the shares stand one after
 * the other, and the secret is the hash of both secrets
 * (draft-ietf-sshm-mlkem-hybrid-kex section 2.4, RFC 9941 section 3).
 *
 * @param quantum The key encapsulation mechanism.
 * @param classical The Diffie-Hellman function.
 */
export function hybrid(
  hash: "SHA-256" | "SHA-512",
  quantum: HybridHalf,
  classical: HybridHalf,
): KeyAgreement {
  function split(
    share: Uint8Array,
    side: "first" | "second",
  ): [Uint8Array, Uint8Array] {
    const size = quantum[side] + classical[side];
    if (share.length !== size) {
      throw new ProtocolError(
        `a share has ${share.length} bytes instead of ${size}`,
      );
    }
    return [share.subarray(0, quantum[side]), share.subarray(quantum[side])];
  }

  async function combine(...secrets: Uint8Array[]): Promise<Uint8Array> {
    const both = concat(...secrets);
    const secret = new Uint8Array(await crypto.subtle.digest(hash, both));
    for (const bytes of [both, ...secrets]) bytes.fill(0);
    return secret;
  }

  return {
    async initiate() {
      const halves = await Promise.all([
        quantum.agreement.initiate(),
        classical.agreement.initiate(),
      ]);
      return {
        share: concat(...halves.map(({ share }) => share)),
        async finish(share) {
          const shares = split(share, "second");
          return await combine(
            await halves[0].finish(shares[0]),
            await halves[1].finish(shares[1]),
          );
        },
      };
    },

    async respond(share) {
      const shares = split(share, "first");
      const q = await quantum.agreement.respond(shares[0]);
      const c = await classical.agreement.respond(shares[1]);
      return {
        share: concat(q.share, c.share),
        secret: await combine(q.secret, c.secret),
      };
    },
  };
}
