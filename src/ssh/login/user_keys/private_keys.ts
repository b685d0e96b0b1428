import { createPrivateKey, type KeyObject } from "node:crypto";
import { defined } from "../../../defined.ts";
import type { Logger } from "../../../logger.ts";
import { fingerprint, isSameKey } from "../../keys/public/key_blob.ts";
import type { PrivateKey } from "../../connect_options.ts";
import { loadKey, unusable } from "./load_key.ts";
import { LockedKey } from "./locked_key.ts";
import { NamedAgentKey } from "./named_agent_key.ts";
import { localKey } from "../../keys/private/local_key.ts";
import { OpensshKeyFile } from "../../keys/private/openssh_key_file.ts";
import { readPrivatePart } from "../../keys/private/private_part.ts";
import { findPrivateKey } from "../../keys/private/private_key_text.ts";
import { orPublicFile, publicHalf, readPublicFile } from "./public_keys.ts";
import type { SigningKey } from "../../keys/private/signing_key.ts";
import { UnusableKey } from "../../keys/private/unusable_key.ts";

/** A private key that is ready to sign. */
export interface LoadedKey {
  key: SigningKey;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  fingerprint: string;
}

/**
 * Reads and checks a private key, and decrypts it if its passphrase is known.
 *
 * @param hasAgent Whether a public key may stand for a key of the agent.
 * @returns nothing if it is optional, and missing or unusable.
 * @throws {AuthenticationError} that says which key cannot be used and why, without any of its content.
 * @throws {RForwardError} `permission-denied` if Deno may not read the file.
 */
export async function loadPrivateKey(
  source: PrivateKey,
  logger: Logger,
  hasAgent = false,
): Promise<LoadedKey | LockedKey | NamedAgentKey | undefined> {
  const { passphrase, optional = false } = source;
  const found = hasAgent ? await orPublicFile(source) : source;
  return await loadKey("private key", found, logger, async (file, text) => {
    const name = `private key: ${file}`;
    const read = async (passphrase?: string) => {
      try {
        return await parse(text, passphrase);
      } catch (error) {
        if (error instanceof UnusableKey) throw unusable(name, error.message);
        throw unusable(name, "cannot be read");
      }
    };
    let key = await read();
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
          decrypt: async (passphrase) => {
            const key = await read(passphrase);
            return typeof key === "string" ? undefined : key;
          },
        });
      }
      key = await read(passphrase);
    }
    if (typeof key === "string") {
      const publicKey = key === "public" && hasAgent && publicHalf(text);
      if (publicKey) return new NamedAgentKey(publicKey);
      throw unusable(
        name,
        key === "public"
          ? "is a public key; give the private one (the file without .pub)"
          : key === "wrong-passphrase"
          ? "cannot be decrypted; is the passphrase right?"
          : "cannot be decrypted; is the passphrase right? If it is, run ssh-keygen -p -f on it, which encrypts it in another way",
      );
    }
    return { key, fingerprint: fingerprint(key.blob) };
  });
}

/** Why no key could be parsed yet. */
type Unparsed =
  | "encrypted"
  | "public"
  | "wrong-passphrase"
  | "wrong-passphrase-or-unsupported";

/** @throws {UnusableKey} if there is no key that can be used. */
async function parse(
  text: string,
  passphrase: string | undefined,
): Promise<SigningKey | Unparsed> {
  const found = findPrivateKey(text);
  switch (found.format) {
    case "public":
      return "public";
    case "pem":
      return found.isEncrypted && passphrase === undefined
        ? "encrypted"
        : await parsePem(found.text, passphrase);
    case "openssh": {
      const file = new OpensshKeyFile(found.bytes);
      if (file.isEncrypted && passphrase === undefined) return "encrypted";
      const bytes = await file.decrypt(passphrase ?? "");
      return bytes ? await parseOpenSsh(bytes, file) : "wrong-passphrase";
    }
  }
}

async function parsePem(
  text: string,
  passphrase: string | undefined,
): Promise<SigningKey | Unparsed> {
  let key: KeyObject;
  try {
    key = createPrivateKey(
      defined({ key: text, format: "pem" as const, passphrase }),
    );
  } catch (error) {
    if (passphrase === undefined) throw new UnusableKey("is damaged");
    // About one wrong passphrase in 256 leaves padding that looks right: what
    // follows is the same error as for a cipher that is not supported.
    return /bad decrypt/.test((error as Error).message)
      ? "wrong-passphrase"
      : "wrong-passphrase-or-unsupported";
  }
  try {
    return await localKey(key.export({ format: "jwk" }) as JsonWebKey);
  } catch {
    if (key.asymmetricKeyType === "dsa") {
      throw new UnusableKey(
        "is a DSA key in PEM, which is not supported; use Ed25519, ECDSA or RSA, or convert it with ssh-keygen -p -f, for servers that know nothing else",
      );
    }
    throw new UnusableKey(
      `is of the kind ${key.asymmetricKeyType}; use Ed25519, ECDSA or RSA`,
    );
  }
}

async function parseOpenSsh(
  bytes: Uint8Array,
  { type, publicKey }: OpensshKeyFile,
): Promise<SigningKey> {
  if (type.startsWith("sk-")) {
    throw new UnusableKey(
      "is a key of a FIDO security key; add it to an agent (ssh-add), which can use it",
    );
  }
  const key = await readPrivatePart(bytes).catch(() => {});
  if (key && isSameKey(key.blob, publicKey)) return key;
  throw new UnusableKey("is damaged, or of a kind that is not supported");
}
