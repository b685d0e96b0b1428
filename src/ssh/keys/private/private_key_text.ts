import { Buffer } from "node:buffer";
import { UnusableKey } from "./unusable_key.ts";

/** What a text holds: a key in OpenSSH's format or in PEM, or a public key. */
export type PrivateKeyText =
  | { readonly format: "openssh"; readonly bytes: Buffer }
  | {
    readonly format: "pem";
    readonly text: string;
    readonly isEncrypted: boolean;
  }
  | { readonly format: "public" };

/** PKCS#1, SEC 1, PKCS#8, and OpenSSH's own. */
const BLOCK =
  /^-----BEGIN ((?:OPENSSH |RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY)-----[ \t]*\r?\n([^]*?)^-----END \1-----/m;

/**
 * Finds the private key in a text. What stands before and behind it, such as a
 * certificate, is left out.
 *
 * @throws {UnusableKey} if it holds none, with the remedy for the usual reasons.
 */
export function findPrivateKey(text: string): PrivateKeyText {
  const [block, label, body] = BLOCK.exec(text) ?? [];
  if (block === undefined || label === undefined || body === undefined) {
    if (isPublicKey(text)) return { format: "public" };
    throw new UnusableKey(whyNoKey(text));
  }
  if (label.startsWith("OPENSSH")) {
    return { format: "openssh", bytes: Buffer.from(body, "base64") };
  }
  const isEncrypted = label.startsWith("ENCRYPTED") ||
    /^Proc-Type: 4,ENCRYPTED/m.test(body);
  return { format: "pem", text: `${block}\n`, isEncrypted };
}

function isPublicKey(text: string): boolean {
  return /^-----BEGIN (RSA )?PUBLIC KEY-----|^---- BEGIN SSH2 PUBLIC KEY ----/m
    .test(text) || /^\s*(ssh-|ecdsa-|sk-)\S+ AAAA\S/.test(text);
}

function whyNoKey(text: string): string {
  if (text.trim() === "") return "is empty";
  if (text.includes("\0")) {
    return "is not text in UTF-8; if it is a key in UTF-16, as PowerShell's > writes it, convert it";
  }
  if (/^\s*PuTTY-User-Key-File-\d/.test(text)) {
    return "is a PuTTY key; convert it with puttygen KEY.ppk -O private-openssh -o KEY";
  }
  if (/^---- BEGIN SSH2 (ENCRYPTED )?PRIVATE KEY ----/m.test(text)) {
    return "is a key in the format of ssh.com; convert it with puttygen OLD -O private-openssh -o KEY";
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return "is not a private key that can be used (Ed25519, ECDSA or RSA, in OpenSSH's format or PEM)";
  }
  if (!/-----END [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return "has no -----END line, so a part of the key is missing; copy it again, to its last line";
  }
  return /PRIVATE KEY-----[ \t]*\r?\n/.test(text)
    ? "has BEGIN and END lines that do not match; copy it again, line by line"
    : 'has lost its line ends, as a variable that the shell splits does; write it with printf "%s\\n" "$KEY", quoted';
}
