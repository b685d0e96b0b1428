import { createPrivateKey } from "node:crypto";
import type { Logger } from "../../logger.ts";
import { fingerprint } from "../host_keys/host_keys.ts";
import type { PrivateKey } from "../options.ts";
import { type ParsedKey, parseKey } from "../ssh2.ts";
import { ecdsaPem } from "./ecdsa_key.ts";
import { loadKey, unusable } from "./load_key.ts";
import { LockedKey } from "../login/locked_key.ts";
import { openSshKey } from "./openssh_key.ts";
import { NamedAgentKey } from "../login/named_agent_key.ts";
import { publicHalf } from "./public_keys.ts";

/** A private key that is ready to sign. */
export interface LoadedKey {
  /** The key. */
  key: ParsedKey;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  fingerprint: string;
}

/**
 * Reads and checks a private key, and decrypts it if its passphrase is known.
 *
 * @param hasAgent Whether a public key may stand for a key of the agent.
 * @returns nothing if it is optional, and missing or unusable.
 * @throws {AuthenticationError} that says which key cannot be used and why, without a word of its content.
 * @throws {RForwardError} `permission-denied` if Deno may not read the file.
 */
export async function loadPrivateKey(
  source: PrivateKey,
  logger: Logger,
  hasAgent = false,
): Promise<LoadedKey | LockedKey | NamedAgentKey | undefined> {
  const { passphrase, optional = false } = source;
  return await loadKey("private key", source, logger, async (file, text) => {
    const name = `private key: ${file}`;
    let key = parse(text, undefined);
    if (key === "encrypted") {
      if (passphrase === undefined) {
        throw unusable(name, "is encrypted; give its passphrase");
      }
      if (typeof passphrase === "function") {
        return new LockedKey({
          name,
          optional,
          publicKey: publicHalf(text) ?? await readPublicFile(source),
          passphrase,
          decrypt: (passphrase) => parsed(parse(text, passphrase)),
        });
      }
      key = parse(text, passphrase);
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
      case "public": {
        const publicKey = hasAgent ? publicHalf(text) : undefined;
        if (publicKey) return new NamedAgentKey(publicKey);
        throw unusable(
          name,
          "is a public key; give the private one (the file without .pub)",
        );
      }
    }
    return { key, fingerprint: fingerprint(key.getPublicSSH()) };
  });
}

/** The public half beside an encrypted PEM file, which does not show it. Nobody has to allow us to read it. */
async function readPublicFile(
  source: PrivateKey,
): Promise<ParsedKey | undefined> {
  if (!("file" in source)) return;
  const path = `${source.file}.pub`;
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return;
  try {
    return publicHalf(await Deno.readTextFile(path));
  } catch {
    return undefined;
  }
}

/** Why there is no key. Nobody else's words: they could hold some of it. */
type Unparsed = "encrypted" | "public" | "unusable";

function parsed(key: ParsedKey | Unparsed): ParsedKey | undefined {
  return typeof key === "string" ? undefined : key;
}
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
