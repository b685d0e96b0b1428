import { keyType } from "./key_blob.ts";
import { isCertificateType, parseCertificate } from "./certificate.ts";

/**
 * The key that a certificate certifies; a key as it is.
 *
 * @param blob The key or certificate as it goes over the wire.
 * @throws {ProtocolError} if it is a certificate that cannot be read.
 */
export function plainKey(blob: Uint8Array): Uint8Array {
  return isCertificateType(keyType(blob) ?? "")
    ? parseCertificate(blob).key
    : blob;
}
