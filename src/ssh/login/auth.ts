import { AuthenticationError } from "../../errors.ts";
import { defaultUserKeyAlgorithms } from "../keys/public/user_key_algorithms.ts";
import { keyType } from "../keys/public/key_blob.ts";
import { parsePublicKey, rsaBits } from "../keys/public/public_key.ts";
import { plainKey } from "../keys/public/plain_key.ts";
import type { SigningKey } from "../keys/private/signing_key.ts";
import type { ConnectOptions } from "../connect_options.ts";
import { printable } from "../../text/printable.ts";
import type { Attempt } from "./attempt.ts";
import { type AttemptContext, attempts, keysNotOffered } from "./attempts.ts";
import type { Credentials } from "./credentials.ts";
import { signatureAlgorithms } from "./signature_algorithms.ts";

/** Which ways to log in there are, which is next, and which were tried. */
export class Authentication {
  readonly #user: string;
  readonly #missingFiles: readonly string[];
  readonly #notOffered: readonly string[];
  readonly #accepted: readonly string[];
  readonly #minRsaBits: number;
  readonly #attempts: Attempt[];
  readonly #tried: { attempt: Attempt; algorithm: string | undefined }[] = [];
  /** What the server announced as its signature algorithms, if it did. */
  #announced: readonly string[] | undefined;
  /** The methods that the server offered last. */
  #acceptable: readonly string[] = [];

  /**
   * @param options What the user has.
   * @param credentials What of it was prepared.
   */
  constructor(
    options: ConnectOptions,
    credentials: Credentials,
    context: AttemptContext,
  ) {
    this.#user = options.user;
    this.#minRsaBits = options.minRsaBits ?? 2048;
    this.#missingFiles = credentials.privateKeys.length > 0
      ? []
      : credentials.missingFiles;
    this.#accepted = options.algorithms?.userKey ?? defaultUserKeyAlgorithms;
    this.#notOffered = keysNotOffered(credentials, this.#accepted);
    this.#attempts = [...attempts(options, credentials, context)];
  }

  /** The server announced the signature algorithms that it knows (RFC 8308 section 3.1). */
  onSignatureAlgorithms(announced: readonly string[]): void {
    this.#announced = announced;
  }

  /** The server refused, or wants more, and lists the methods that it would accept. */
  onFailure(acceptable: readonly string[]): void {
    this.#acceptable = acceptable;
  }

  /** What to try next; undefined when nothing is left. */
  next(): Attempt | undefined {
    const attempt = this.#attempts.find((attempt) =>
      attempt.triesLeft > 0 && this.#acceptable.includes(attempt.method) &&
      this.#isPossible(attempt)
    );
    if (attempt) attempt.triesLeft--;
    return attempt;
  }

  /** Counts an attempt that sent a request. */
  onTried(attempt: Attempt): void {
    const { keyType, choice = 0 } = attempt;
    const algorithm = choice === 0
      ? undefined
      : this.#algorithmsOf(keyType ?? "")[choice];
    this.#tried.push({ attempt, algorithm });
  }

  /** Signature algorithms of a key that both sides would use, in the order to try them. */
  algorithmsFor({ blob, algorithms }: SigningKey): string[] {
    if (isSmallRsaKey(blob, this.#minRsaBits)) return [];
    return this.#algorithmsOf(keyType(blob) ?? "")
      .filter((it) => algorithms.includes(it));
  }

  /** What was tried so far, without a secret. */
  get tried(): string[] {
    return this.#tried.map(({ attempt: { label }, algorithm }) =>
      algorithm === undefined ? label : `${label} with ${algorithm}`
    );
  }

  /**
   * Why the login was refused.
   *
   * @param said What the server said, if it did.
   */
  error(said: string, cause?: unknown): AuthenticationError {
    const acceptable = this.#acceptable.map(printable);
    const { tried } = this;
    return new AuthenticationError(
      "authentication-failed",
      [
        `the server refused the login of ${this.#user}${said && `: ${said}`}`,
        `tried: ${counted(tried) || "nothing that the server offers"}`,
        `it accepts: ${acceptable.join(", ") || "nothing"}`,
        ...this.#notOffered,
        ...this.#missingKeys(acceptable),
        ...said ? [] : advice(tried, acceptable),
      ].join("; "),
      {
        tried,
        acceptable,
        agentFailed: this.#tried.some(({ attempt }) => attempt.agentFailed),
      },
      cause === undefined ? undefined : { cause },
    );
  }

  #isPossible({ keyType, choice = 0 }: Attempt): boolean {
    return keyType === undefined
      ? choice === 0
      : choice < this.#algorithmsOf(keyType).length;
  }

  #algorithmsOf(keyType: string): string[] {
    return signatureAlgorithms(keyType, this.#accepted, this.#announced);
  }

  /** Where keys were looked for, if none could be read and the server would take one. */
  #missingKeys(acceptable: readonly string[]): string[] {
    const files = this.#missingFiles;
    return files.length > 0 && acceptable.includes("publickey")
      ? [`no private key could be read; looked for ${files.join(", ")}`]
      : [];
  }
}

/** Whether a key, or the one of a certificate, is an RSA key of fewer bits. */
function isSmallRsaKey(blob: Uint8Array, minBits: number): boolean {
  if (!keyType(blob)?.startsWith("ssh-rsa")) return false;
  const key = parsePublicKey(plainKey(blob));
  return "n" in key && rsaBits(key) < minBits;
}

/** Joins labels; a repeated one appears once, with its count. */
function counted(labels: readonly string[]): string {
  return [...new Set(labels)].map((label) => {
    const times = labels.filter((other) => other === label).length;
    return times === 1 ? label : `${label} (${times} times)`;
  }).join(", ");
}

/** What to do where the server does not say why it refuses. */
function advice(
  tried: readonly string[],
  acceptable: readonly string[],
): string[] {
  if (tried.length === 0 && acceptable.length > 0) {
    return ["provide a key, an agent or a password that it accepts"];
  }
  // Where a key was not enough, something else is asked for.
  return acceptable.includes("publickey") &&
      tried.some((label) => /^publickey SHA256:\S+$/.test(label))
    ? ["is the user right, and the key in the user's authorized_keys there?"]
    : [];
}
