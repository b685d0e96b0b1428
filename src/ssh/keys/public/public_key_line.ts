import { keyType } from "./key_blob.ts";

/**
 * The key of a line `TYPE BASE64 COMMENT`, as ssh-keygen writes keys and
 * certificates into `.pub` files.
 *
 * @returns the key as it goes over the wire; undefined if the line is not one.
 */
export function publicKeyLine(
  line: string,
): Uint8Array<ArrayBuffer> | undefined {
  const [type, base64 = ""] = line.trim().split(/[ \t]+/);
  try {
    const blob = Uint8Array.fromBase64(base64, { lastChunkHandling: "strict" });
    return keyType(blob) === type ? blob : undefined;
  } catch {
    return undefined;
  }
}
