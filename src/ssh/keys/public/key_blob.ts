/**
 * Public keys as they go over the wire (RFC 4253 section 6.6).
 *
 * @module
 */

import { createHash } from "node:crypto";

/**
 * The type that a key begins with; undefined if that is not a name as RFC 4251
 * section 6 has them. The key may come from the network: what is returned is
 * short and fit for a message.
 *
 * @param data The key as it goes over the wire (RFC 4253 section 6.6).
 */
export function keyType(data: Uint8Array): string | undefined {
  if (data.length < 4) return undefined;
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0);
  if (length > Math.min(64, data.length - 4)) return undefined;
  const type = String.fromCharCode(...data.subarray(4, 4 + length));
  return /^[!-+\--~]+$/.test(type) ? type : undefined;
}

/**
 * A key's fingerprint as `ssh-keygen -l` prints it: `SHA256:` and the digest
 * in base64 without padding.
 *
 * @param data The key as it goes over the wire (RFC 4253 section 6.6).
 */
export function fingerprint(data: Uint8Array): string {
  const digest = createHash("sha256").update(data).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

/** Whether two keys are the same to the byte. */
export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
