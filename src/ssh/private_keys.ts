import { createPrivateKey } from "node:crypto";
import { AuthenticationError, RForwardError } from "../errors.ts";
import { fingerprint } from "./host_keys.ts";
import type { PrivateKey } from "./options.ts";
import { type ParsedKey, parseKey } from "./ssh2.ts";

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
  let key = parse(text);
  if (key instanceof Error && isEncrypted(key)) {
    const { passphrase } = source;
    if (passphrase === undefined) {
      throw unusable(name, "is encrypted; give its passphrase");
    }
    key = parse(
      text,
      typeof passphrase === "string" ? passphrase : await passphrase(),
    );
    // ssh2's words are left out on purpose: they are made from the key.
    if (key instanceof Error) {
      throw unusable(name, "cannot be decrypted; is the passphrase right?");
    }
  }
  if (key instanceof Error) {
    throw unusable(
      name,
      "is no private key in OpenSSH's format or PEM; is the file whole?",
    );
  }
  if (!key.isPrivateKey()) {
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

function parse(text: string, passphrase?: string): ParsedKey | Error {
  let key = parseKey(text, passphrase);
  if (key instanceof Error) key = parsePkcs8(text, passphrase) ?? key;
  // OpenSSH's format has room for several keys; nobody writes more than one.
  const first = Array.isArray(key) ? key[0] : key;
  return first ?? new Error("no key");
}

/** PKCS#8 is unknown to ssh2; node:crypto turns it into what ssh2 knows. */
function parsePkcs8(
  text: string,
  passphrase: string | undefined,
): ReturnType<typeof parseKey> | undefined {
  if (!/^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/m.test(text)) return;
  if (text.includes("BEGIN ENCRYPTED") && passphrase === undefined) {
    return new Error("encrypted, but no passphrase given");
  }
  try {
    const key = createPrivateKey({
      key: text,
      format: "pem",
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    const type = key.asymmetricKeyType === "ec" ? "sec1" : "pkcs1";
    return parseKey(key.export({ type, format: "pem" }) as string);
  } catch (error) {
    return error as Error;
  }
}

/** ssh2 tells by its message alone that a passphrase is missing. */
function isEncrypted(error: Error): boolean {
  return /no passphrase given/i.test(error.message);
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
