import { createPrivateKey } from "node:crypto";
import { AuthenticationError, RForwardError } from "../../errors.ts";
import { ecdsaPem } from "./ecdsa_key.ts";
import { fingerprint } from "../host_keys/host_keys.ts";
import { openSshKey } from "./openssh_key.ts";
import type { PrivateKey } from "../options.ts";
import { type ParsedKey, parseKey } from "../ssh2.ts";

/** A private key that is ready to sign. */
export interface LoadedKey {
  /** The key. */
  key: ParsedKey;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  fingerprint: string;
}

/**
 * Reads, decrypts and checks a private key.
 *
 * @throws {AuthenticationError} that says which key cannot be used and why, without a word of its content.
 * @throws {RForwardError} `permission-denied` if Deno may not read the file.
 */
export async function loadPrivateKey(source: PrivateKey): Promise<LoadedKey> {
  const name = "file" in source ? source.file : "the key given as text";
  const text = "file" in source ? await readKey(source.file) : source.text;
  let key = parse(text, undefined);
  if (key === "encrypted") {
    const { passphrase } = source;
    if (passphrase === undefined) {
      throw unusable(name, "is encrypted; give its passphrase");
    }
    key = parse(
      text,
      typeof passphrase === "string" ? passphrase : await passphrase(),
    );
    if (typeof key === "string") {
      throw unusable(name, "cannot be decrypted; is the passphrase right?");
    }
  }
  switch (key) {
    case "unusable":
      throw unusable(
        name,
        "is no private key that can be used (Ed25519, ECDSA or RSA, in OpenSSH's format or PEM); is the file whole?",
      );
    case "public":
      throw unusable(
        name,
        "is a public key; give the private one (the file without .pub)",
      );
  }
  return { key, fingerprint: fingerprint(key.getPublicSSH()) };
}

async function readKey(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) {
      throw new RForwardError(
        "permission-denied",
        `may not read the private key ${file}; run deno with --allow-read=${file}`,
        { cause },
      );
    }
    throw unusable(file, `cannot be read: ${(cause as Error).message}`, cause);
  }
}

/** Why there is no key. Nobody else's words: they could hold some of it. */
type Unparsed = "encrypted" | "public" | "unusable";

function parse(
  text: string,
  passphrase: string | undefined,
): ParsedKey | Unparsed {
  if (/^-----BEGIN (RSA )?PUBLIC KEY-----/m.test(text)) return "public";
  const encrypted = /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(text);
  if (encrypted && passphrase === undefined) return "encrypted";
  try {
    return PEM.test(text)
      ? parsePem(text, passphrase)
      : parseOpenSsh(text, passphrase);
  } catch {
    return "unusable";
  }
}

/** PKCS#1, SEC 1 and PKCS#8. */
const PEM = /^-----BEGIN (RSA |EC |ENCRYPTED )?PRIVATE KEY-----/m;

/** ssh2 reads some kinds of PEM wrong and some not at all (measured with Deno 2.9.6); node:crypto reads them all. */
function parsePem(
  text: string,
  passphrase: string | undefined,
): ParsedKey | Unparsed {
  const key = createPrivateKey({
    key: text,
    format: "pem",
    ...(passphrase === undefined ? {} : { passphrase }),
  });
  const openSsh = openSshKey(key);
  return openSsh === undefined ? "unusable" : parseOpenSsh(openSsh);
}

function parseOpenSsh(text: string, passphrase?: string): ParsedKey | Unparsed {
  const parsed = parseKey(text, passphrase);
  // The format has room for several keys; nobody writes more than one.
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error || key === undefined) {
    // ssh2 tells by its message alone.
    return /no passphrase given/i.test(key?.message ?? "")
      ? "encrypted"
      : "unusable";
  }
  if (!key.isPrivateKey()) return "public";
  const pem = ecdsaPem(key);
  return pem === undefined ? key : parseKey(pem) as ParsedKey;
}

function unusable(
  name: string,
  what: string,
  cause?: unknown,
): AuthenticationError {
  return new AuthenticationError(
    "key-unreadable",
    `private key: ${name} ${what}`,
    {},
    cause === undefined ? undefined : { cause },
  );
}
