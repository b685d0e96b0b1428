import type { Buffer } from "node:buffer";
import { ArgumentError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { fingerprint } from "../host_keys/host_keys.ts";
import type { AskSecret } from "../options.ts";
import type { ParsedKey } from "../ssh2.ts";
import type { Agent } from "./agent.ts";
import { unusable } from "../keys/load_key.ts";
import type { KeyHolder, LoginEvents } from "./signer.ts";

/** What an encrypted private key is made of. */
export interface LockedKeyParts {
  /** For errors: which key it is. */
  name: string;
  /** Whether the login goes on without it if no passphrase is right. */
  optional: boolean;
  /** Its public half, if that is known without the passphrase. */
  publicKey: ParsedKey | undefined;
  /** Asks for the passphrase. */
  passphrase: AskSecret;
  /** Decrypts it; gives nothing if the passphrase is wrong. Throws if no passphrase would do. */
  decrypt: (passphrase: string) => ParsedKey | undefined;
}

/** An encrypted private key whose passphrase has to be asked for. */
export class LockedKey {
  readonly #parts: LockedKeyParts;

  constructor(parts: LockedKeyParts) {
    this.#parts = parts;
  }

  get publicKey(): ParsedKey | undefined {
    return this.#parts.publicKey;
  }

  /** For people: its fingerprint, or which key it is where that is not known. */
  get label(): string {
    return this.publicKey
      ? fingerprint(this.publicKey.getPublicSSH())
      : this.#parts.name;
  }

  /**
   * Asks for the passphrase until it is right.
   *
   * @param maxPrompts How often, at most.
   * @returns nothing if the user gives up.
   * @throws {AuthenticationError} if none was right, unless the key is optional.
   */
  async unlock(
    { signal, waitFor }: LoginEvents,
    maxPrompts: number,
    logger: Logger,
  ): Promise<ParsedKey | undefined> {
    const { name, publicKey, decrypt } = this.#parts;
    for (let asked = 0; asked < maxPrompts; asked++) {
      waitFor("user");
      const passphrase: unknown = await this.#parts.passphrase();
      if (passphrase === undefined || signal.aborted) return undefined;
      if (typeof passphrase !== "string") {
        throw new ArgumentError("passphrase", "has to give text, or undefined");
      }
      let key: ParsedKey | undefined;
      try {
        key = decrypt(passphrase);
      } catch (error) {
        return this.#doWithout(error as Error, logger);
      }
      if (!key) continue;
      if (!publicKey || key.getPublicSSH().equals(publicKey.getPublicSSH())) {
        return key;
      }
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

/**
 * Offers the public half of an encrypted key; only if the server takes it is
 * the passphrase asked for. An agent that has the key signs without one.
 */
export class LockedKeyHolder implements KeyHolder {
  readonly #name: string;
  readonly #publicKey: ParsedKey;
  #leftLocked = false;
  #agentFailed = false;
  readonly #agent: Agent | undefined;
  readonly #unlock: () => Promise<ParsedKey | undefined>;

  constructor(
    name: string,
    publicKey: ParsedKey,
    agent: Agent | undefined,
    unlock: () => Promise<ParsedKey | undefined>,
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

  keys(): Promise<ParsedKey[]> {
    return Promise.resolve([this.#publicKey]);
  }

  async sign(
    key: ParsedKey,
    data: Buffer,
    hash?: string,
  ): Promise<Buffer | Error> {
    // An agent that fails does not hold it.
    const held = await this.#agent?.keys().catch(() => []);
    if (held?.some((it) => it.getPublicSSH().equals(key.getPublicSSH()))) {
      return await this.#agent!.sign(key, data, hash).catch((error: Error) => {
        this.#agentFailed = true;
        return error;
      });
    }
    const unlocked = await this.#unlock();
    if (unlocked) return unlocked.sign(data, hash);
    this.#leftLocked = true;
    return new Error(`${this.#name} was left locked`);
  }
}
