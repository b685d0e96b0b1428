import { ArgumentError } from "../../../errors.ts";
import type { Logger } from "../../../logger.ts";
import { fingerprint, isSameKey, keyType } from "../../keys/public/key_blob.ts";
import type { SigningKey } from "../../keys/private/signing_key.ts";
import type { AskSecret } from "../../connect_options.ts";
import { algorithmsOf } from "../../keys/public/key_algorithms.ts";
import type { Agent } from "../agent.ts";
import { unusable } from "./load_key.ts";
import type { KeyHolder } from "./key_holder.ts";
import type { LoginDialog } from "../login_dialog.ts";
import { UnusableKeyError } from "./unusable_key_error.ts";

/** What an encrypted private key is made of. */
export interface LockedKeyParts {
  /** For errors: which key it is. */
  name: string;
  /** Whether the login continues without it if no passphrase is right. */
  optional: boolean;
  /** Its public half, if that is known without the passphrase. */
  publicKey: Uint8Array | undefined;
  /** Asks for the passphrase. */
  passphrase: AskSecret;
  /** Decrypts it; undefined if the passphrase is wrong. Throws if no passphrase can decrypt it. */
  decrypt: (passphrase: string) => Promise<SigningKey | undefined>;
}

/** An encrypted private key whose passphrase has to be asked for. */
export class LockedKey {
  readonly #parts: LockedKeyParts;

  constructor(parts: LockedKeyParts) {
    this.#parts = parts;
  }

  get publicKey(): Uint8Array | undefined {
    return this.#parts.publicKey;
  }

  /** For messages: its fingerprint, or its name where that is not known. */
  get label(): string {
    return this.publicKey ? fingerprint(this.publicKey) : this.#parts.name;
  }

  /**
   * Asks for the passphrase until it is right.
   *
   * @param maxPrompts How often, at most.
   * @returns undefined if the user cancels.
   * @throws {AuthenticationError} if none was right, unless the key is optional.
   */
  async unlock(
    dialog: LoginDialog,
    maxPrompts: number,
    logger: Logger,
  ): Promise<SigningKey | undefined> {
    const { name, publicKey, decrypt } = this.#parts;
    for (let asked = 0; asked < maxPrompts; asked++) {
      dialog.waitFor("user");
      const passphrase: unknown = await this.#parts.passphrase();
      if (passphrase === undefined || dialog.signal.aborted) return undefined;
      if (typeof passphrase !== "string") {
        throw new ArgumentError("passphrase", "has to give text, or undefined");
      }
      let key: SigningKey | undefined;
      try {
        key = await decrypt(passphrase);
      } catch (error) {
        return this.#doWithout(error as Error, logger);
      }
      if (!key) continue;
      if (!publicKey || isSameKey(key.blob, publicKey)) return key;
      throw unusable(name, "is not the one of the .pub file beside it");
    }
    return this.#doWithout(
      unusable(
        name,
        `cannot be decrypted with any of ${maxPrompts} passphrases`,
      ),
      logger,
    );
  }

  #doWithout(error: Error, logger: Logger): undefined {
    if (!this.#parts.optional) throw error;
    logger.warn(`Going on without a key: ${error.message}`);
  }
}

/** Asks for the passphrase; undefined if the user cancels. */
type Unlock = (dialog: LoginDialog) => Promise<SigningKey | undefined>;

/**
 * Offers the public half of an encrypted key; only if the server takes it is
 * the passphrase asked for. An agent that has the key signs without one.
 */
export class LockedKeyHolder implements KeyHolder {
  readonly #name: string;
  readonly #publicKey: Uint8Array;
  #leftLocked = false;
  #agentFailed = false;
  readonly #agent: Agent | undefined;
  readonly #unlock: Unlock;

  constructor(
    name: string,
    publicKey: Uint8Array,
    agent: Agent | undefined,
    unlock: Unlock,
  ) {
    this.#name = name;
    this.#publicKey = publicKey;
    this.#agent = agent;
    this.#unlock = unlock;
  }

  get label(): string {
    return `${this.#name}${this.#leftLocked ? ", which was left locked" : ""}`;
  }

  /** Whether an agent that could have signed failed. */
  get agentFailed(): boolean {
    return this.#agentFailed;
  }

  keys(dialog: LoginDialog): Promise<SigningKey[]> {
    return Promise.resolve([{
      blob: this.#publicKey,
      algorithms: algorithmsOf(keyType(this.#publicKey) ?? ""),
      sign: (algorithm, data) => this.#sign(algorithm, data, dialog),
    }]);
  }

  async #sign(
    algorithm: string,
    data: Uint8Array,
    dialog: LoginDialog,
  ): Promise<Uint8Array> {
    // An agent that fails does not hold it.
    const held = await this.#agent?.keys().catch(() => []) ?? [];
    const key = held.find(({ blob }) => isSameKey(blob, this.#publicKey));
    if (key) {
      return await key.sign(algorithm, data).catch((cause: Error) => {
        this.#agentFailed = true;
        throw new UnusableKeyError(cause.message, { cause });
      });
    }
    const unlocked = await this.#unlock(dialog);
    if (unlocked) return await unlocked.sign(algorithm, data);
    this.#leftLocked = true;
    throw new UnusableKeyError(`${this.#name} was left locked`);
  }
}
