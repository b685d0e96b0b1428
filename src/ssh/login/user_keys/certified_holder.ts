import { type UserCertificate, withCertificates } from "./user_certificates.ts";
import type { KeyHolder } from "./key_holder.ts";

/**
 * A holder of keys that offers the certificates of each before it.
 *
 * @param only Whether to offer the certificates alone.
 */
export function certifiedHolder(
  holder: KeyHolder,
  certificates: readonly UserCertificate[],
  only = false,
): KeyHolder {
  let count = 0;
  return {
    get label() {
      return count === 0
        ? holder.label
        : `${holder.label} with ${count} certificate${count > 1 ? "s" : ""}`;
    },
    get agentFailed() {
      return holder.agentFailed ?? false;
    },
    async keys(dialog) {
      const keys = await holder.keys(dialog);
      const certified = withCertificates(keys, certificates);
      count = certified.length - keys.length;
      return only ? certified.filter((key) => !keys.includes(key)) : certified;
    },
  };
}
