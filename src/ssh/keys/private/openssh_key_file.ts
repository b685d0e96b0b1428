import { Buffer } from "node:buffer";
import { createDecipheriv } from "node:crypto";
import { WireReader } from "../../wire.ts";
import { UnusableKey } from "./unusable_key.ts";

const MAGIC = "openssh-key-v1\0";

/** How the private part is encrypted: the sizes of key and IV in bytes, and what decrypts. */
interface FileCipher {
  readonly key: number;
  readonly iv: number;
  /** Bytes of the tag that follows the private part. */
  readonly tag?: number;
  decrypt(key: Buffer, iv: Buffer, data: Buffer, tag: Buffer): Buffer;
}

/** All ciphers of `ssh-keygen -Z`. */
const ciphers: Readonly<Record<string, FileCipher>> = {
  "3des-cbc": node("des-ede3-cbc", 24, 8),
  "aes128-cbc": node("aes-128-cbc", 16, 16),
  "aes192-cbc": { key: 24, iv: 16, decrypt: aes192Cbc },
  "aes256-cbc": node("aes-256-cbc", 32, 16),
  "aes128-ctr": node("aes-128-ctr", 16, 16),
  "aes192-ctr": node("aes-192-ctr", 24, 16),
  "aes256-ctr": node("aes-256-ctr", 32, 16),
  "aes128-gcm@openssh.com": { ...node("aes-128-gcm", 16, 12), tag: 16 },
  "aes256-gcm@openssh.com": { ...node("aes-256-gcm", 32, 12), tag: 16 },
  "chacha20-poly1305@openssh.com": {
    key: 64,
    iv: 0,
    tag: 16,
    decrypt: chacha20,
  },
};

/** A private key file in OpenSSH's own format (OpenSSH's PROTOCOL.key), taken apart. */
export class OpensshKeyFile {
  /** The public key as it goes over the wire. */
  readonly publicKey: Buffer;
  readonly #cipher: string;
  readonly #kdf: string;
  readonly #kdfOptions: Buffer;
  readonly #privatePart: Buffer;
  readonly #tag: Buffer;

  /**
   * @param bytes What the file has in base64.
   * @throws {UnusableKey} if it is not such a file, or is incomplete.
   */
  constructor(bytes: Buffer) {
    if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) {
      throw new UnusableKey("is not in OpenSSH's format, as it says");
    }
    try {
      const reader = new WireReader(bytes, MAGIC.length);
      this.#cipher = reader.text();
      this.#kdf = reader.text();
      this.#kdfOptions = Buffer.from(reader.string());
      const count = reader.uint32();
      this.publicKey = Buffer.from(reader.string());
      if (count !== 1) throw new UnusableKey(`holds ${count} keys, not one`);
      this.#privatePart = Buffer.from(reader.string());
      this.#tag = Buffer.from(reader.rest());
    } catch (error) {
      if (error instanceof UnusableKey) throw error;
      throw new UnusableKey("is damaged: it ends too early");
    }
  }

  /** The key's type. */
  get type(): string {
    return new WireReader(this.publicKey).text();
  }

  /** Whether a passphrase is needed. */
  get isEncrypted(): boolean {
    return this.#cipher !== "none";
  }

  /**
   * The private part, after the numbers that show a wrong passphrase.
   *
   * @returns undefined if the passphrase is wrong.
   * @throws {UnusableKey} if it cannot be decrypted, whatever the passphrase.
   */
  async decrypt(passphrase: string): Promise<Buffer | undefined> {
    const opened = this.isEncrypted
      ? await this.#open(passphrase)
      : this.#privatePart;
    // The same number in both places, then the key: a wrong passphrase shows.
    const isRight = opened && opened.length >= 8 &&
      opened.subarray(0, 4).equals(opened.subarray(4, 8));
    if (!isRight && this.isEncrypted) return undefined;
    if (!isRight) throw new UnusableKey("is damaged");
    return opened.subarray(8);
  }

  /** @returns undefined if the cipher itself finds the passphrase wrong. */
  async #open(passphrase: string): Promise<Buffer | undefined> {
    const cipher = ciphers[this.#cipher];
    if (!cipher || this.#kdf !== "bcrypt") {
      throw new UnusableKey(
        "is encrypted in a way that is not supported; run ssh-keygen -p -Z aes256-ctr -f on it",
      );
    }
    const { key, iv, tag = 0, decrypt } = cipher;
    const material = await this.#derive(passphrase, key + iv);
    if (this.#tag.length !== tag) throw new UnusableKey("is damaged");
    try {
      return decrypt(
        material.subarray(0, key),
        material.subarray(key),
        this.#privatePart,
        this.#tag,
      );
    } catch {
      return undefined;
    }
  }

  async #derive(passphrase: string, size: number): Promise<Buffer> {
    // Loaded only for a key that is encrypted.
    const { pbkdf } = await import("bcrypt-pbkdf");
    const options = new WireReader(this.#kdfOptions);
    const salt = options.string();
    const rounds = options.uint32();
    const password = Buffer.from(passphrase);
    const material = Buffer.alloc(size);
    const failed = pbkdf(
      ...[password, password.length, salt, salt.length] as const,
      ...[material, size, rounds] as const,
    );
    // Its only complaint is about sizes of nothing; an empty passphrase is never right.
    return failed ? Buffer.alloc(size) : material;
  }
}

function node(name: string, key: number, iv: number): FileCipher {
  return {
    key,
    iv,
    decrypt(key, iv, data, tag) {
      const decipher = createDecipheriv(name as "aes-256-gcm", key, iv);
      decipher.setAutoPadding(false);
      if (tag.length > 0) decipher.setAuthTag(tag);
      return Buffer.concat([decipher.update(data), decipher.final()]);
    },
  };
}

/** Deno 2.9.6 has AES-192 as a block cipher, but not in this mode. */
function aes192Cbc(key: Buffer, iv: Buffer, data: Buffer): Buffer {
  const decipher = createDecipheriv("aes-192-ecb", key, null);
  decipher.setAutoPadding(false);
  const blocks = Buffer.concat([decipher.update(data), decipher.final()]);
  const before = Buffer.concat([iv, data]);
  return blocks.map((byte, i) => byte ^ before[i]!) as Buffer;
}

/**
 * The packet cipher with number 0 and no length (OpenSSH's
 * PROTOCOL.chacha20poly1305). Its tag is not looked at: what shows a wrong
 * passphrase with other ciphers shows it here too.
 */
function chacha20(key: Buffer, _iv: Buffer, data: Buffer): Buffer {
  const start = Buffer.alloc(16);
  start[0] = 1; // block 0 is for the tag
  const decipher = createDecipheriv("chacha20", key.subarray(0, 32), start);
  return Buffer.concat([decipher.update(data), decipher.final()]);
}
