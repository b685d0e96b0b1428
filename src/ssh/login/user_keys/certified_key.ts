import { isSameKey } from "../../keys/public/key_blob.ts";
import {
  certificateType,
  parseCertificate,
  plainType,
} from "../../keys/public/certificate.ts";
import type { SigningKey } from "../../keys/private/signing_key.ts";

/**
 * A key that shows its certificate instead of itself. It signs as it does
 * without one (OpenSSH PROTOCOL.certkeys).
 *
 * @param key The key, which may be an agent's.
 * @param certificate The certificate as it goes over the wire.
 * @throws {ProtocolError} if it is not a certificate.
 * @throws {TypeError} if it certifies another key.
 */
export function certifiedKey(
  key: SigningKey,
  certificate: Uint8Array,
): SigningKey {
  if (!isSameKey(parseCertificate(certificate).key, key.blob)) {
    throw new TypeError("the certificate is another key's");
  }
  return {
    blob: certificate,
    algorithms: key.algorithms.map(certificateType),
    sign: (algorithm, data) => key.sign(plainType(algorithm), data),
  };
}
