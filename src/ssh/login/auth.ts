import { AuthenticationError } from "../../errors.ts";
import { silentLogger } from "../../logger.ts";
import { defaultAlgorithms } from "../algorithms.ts";
import type { ConnectOptions } from "../options.ts";
import { printable } from "../printable.ts";
import type { AnyAuthMethod } from "../ssh2.ts";
import type { Attempt } from "./attempt.ts";
import { attempts, type Credentials, keysNotOffered } from "./attempts.ts";
import { signatureAlgorithms } from "./signature_algorithms.ts";
import type { LoginEvents } from "./signer.ts";

/** Which ways to log in there are, and which were tried. */
export class Authentication {
  readonly #user: string;
  readonly #missingFiles: readonly string[];
  readonly #notOffered: readonly string[];
  readonly #accepted: readonly string[];
  /** RSA's algorithms that we would use and the server may accept. */
  #rsaAlgorithms: readonly string[];
  /** The one of them that is in use, as the only one that ssh2 sees. */
  readonly rsaAlgorithm: string[] = [];
  readonly #attempts: Attempt[];
  readonly #events: LoginEvents;
  readonly #tried: Attempt[] = [];
  /** The methods that the server offered last; undefined before it did. */
  #acceptable: readonly string[] | undefined;
  /** Whether the user is asked what to try next. */
  #asking = false;

  /**
   * @param options What the user has.
   * @param credentials What of it was prepared.
   * @param events Told what goes on.
   */
  constructor(
    options: ConnectOptions,
    credentials: Credentials,
    events: LoginEvents,
  ) {
    const { user, logger = silentLogger } = options;
    this.#user = user;
    this.#missingFiles = credentials.privateKeys.length > 0
      ? []
      : credentials.missingFiles;
    this.#accepted = options.algorithms?.userKey ?? defaultAlgorithms.userKey;
    this.#notOffered = keysNotOffered(credentials, this.#accepted);
    this.#rsaAlgorithms = signatureAlgorithms("ssh-rsa", this.#accepted);
    this.#attempts = [...attempts(options, credentials, events, logger)];
    this.#events = events;
  }

  /** The server announced the signature algorithms that it knows (RFC 8308 section 3.1). */
  onSignatureAlgorithms(announced: readonly string[]): void {
    this.#rsaAlgorithms = signatureAlgorithms(
      "ssh-rsa",
      this.#accepted,
      announced,
    );
  }

  /** The server refused, or wants more, and lists the methods that it would accept. */
  onFailure(acceptable: readonly string[]): void {
    this.#acceptable = acceptable;
  }

  /**
   * What to try next; false when nothing is left.
   *
   * @param proceed Called with it later, if nothing is returned.
   */
  next(
    proceed: (next: AnyAuthMethod | false) => void,
  ): AnyAuthMethod | false | undefined {
    // The server refuses what was not tried yet.
    if (this.#asking) return undefined;
    this.#events.waitFor("server");
    // Asking for "none" is how one learns what the server offers (RFC 4252 section 5.2).
    const acceptable = this.#acceptable;
    if (!acceptable) return { type: "none", username: this.#user };
    const attempt = this.#attempts.find((attempt) =>
      attempt.triesLeft > 0 && acceptable.includes(attempt.method) &&
      this.#isPossible(attempt)
    );
    if (!attempt) return false;
    attempt.triesLeft--;
    const algorithm = this.#rsaAlgorithms[attempt.choice ?? 0];
    this.rsaAlgorithm.splice(0, 1, ...algorithm ? [algorithm] : []);
    const { how } = attempt;
    if (typeof how === "function") {
      this.#ask(attempt, how, proceed);
      return undefined;
    }
    this.#tried.push(attempt);
    return how;
  }

  /** What was tried so far, without a secret. */
  get tried(): string[] {
    return this.#tried.map(({ label, choice = 0 }) =>
      choice === 0 ? label : `${label} with ${this.#rsaAlgorithms[choice]}`
    );
  }

  /**
   * Why the login was refused.
   *
   * @param said What the server said, if it did.
   */
  error(said: string, cause?: unknown): AuthenticationError {
    const acceptable = this.#acceptable?.map(printable) ?? [];
    const { tried } = this;
    return new AuthenticationError(
      "authentication-failed",
      [
        `the server did not let ${this.#user} in${said && `: ${said}`}`,
        `tried: ${tried.join(", ") || "nothing that the server offers"}`,
        `it accepts: ${acceptable.join(", ") || "nothing"}`,
        ...this.#notOffered,
        ...this.#missingKeys(acceptable),
        ...said ? [] : advice(tried, acceptable),
      ].join("; "),
      {
        tried,
        acceptable,
        agentFailed: this.#tried.some(({ agentFailed }) => agentFailed),
      },
      cause === undefined ? undefined : { cause },
    );
  }

  #isPossible({ keyType, choice = 0 }: Attempt): boolean {
    return keyType === "ssh-rsa"
      ? choice < this.#rsaAlgorithms.length
      : choice === 0;
  }

  /** Where keys were looked for, if none was found and the server would take one. */
  #missingKeys(acceptable: readonly string[]): string[] {
    const files = this.#missingFiles;
    return files.length > 0 && acceptable.includes("publickey")
      ? [`no private key was found; looked for ${files.join(", ")}`]
      : [];
  }

  async #ask(
    attempt: Attempt,
    how: () => Promise<AnyAuthMethod | undefined>,
    proceed: (next: AnyAuthMethod | false) => void,
  ): Promise<void> {
    const { signal, waitFor, fail } = this.#events;
    this.#asking = true;
    waitFor("user");
    try {
      const method = await how();
      if (signal.aborted) return;
      this.#asking = false;
      if (method) {
        this.#tried.push(attempt);
        waitFor("server");
        return proceed(method);
      }
      attempt.triesLeft = 0; // the user gave up
      const next = this.next(proceed);
      if (next !== undefined) proceed(next);
    } catch (error) {
      fail(error);
    }
  }
}

/** What to do where the server does not say why it refuses. */
function advice(
  tried: readonly string[],
  acceptable: readonly string[],
): string[] {
  if (tried.length === 0 && acceptable.length > 0) {
    return ["give a key, agent or password that it takes"];
  }
  // Where a key was not enough, something else is asked for.
  return acceptable.includes("publickey") &&
      tried.some((label) => /^publickey SHA256:\S+$/.test(label))
    ? ["is the user right, and the key in the user's authorized_keys there?"]
    : [];
}
