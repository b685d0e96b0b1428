import { AuthenticationError } from "../../errors.ts";
import { silentLogger } from "../../logger.ts";
import type { ConnectOptions } from "../options.ts";
import { printable } from "../printable.ts";
import type { AnyAuthMethod } from "../ssh2.ts";
import type { Attempt } from "./attempt.ts";
import { attempts, type Credentials } from "./attempts.ts";
import type { LoginEvents } from "./signer.ts";

/** Which ways to log in there are, and which were tried. */
export class Authentication {
  readonly #user: string;
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
    this.#attempts = [...attempts(options, credentials, events, logger)];
    this.#events = events;
  }

  /** The server did not let the user in, or not yet, and tells what it would accept. */
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
    const attempt = this.#attempts.find(({ method, triesLeft }) =>
      triesLeft > 0 && acceptable.includes(method)
    );
    if (!attempt) return false;
    attempt.triesLeft--;
    const { how } = attempt;
    if (typeof how === "function") {
      this.#ask(attempt, how, proceed);
      return undefined;
    }
    this.#tried.push(attempt);
    return how;
  }

  /**
   * Why nobody was let in.
   *
   * @param said What the server said, if it did.
   */
  error(said: string, cause?: unknown): AuthenticationError {
    const acceptable = this.#acceptable?.map(printable) ?? [];
    const tried = this.#tried.map(({ label }) => label);
    return new AuthenticationError(
      "authentication-failed",
      [
        `the server did not let ${this.#user} in${said && `: ${said}`}`,
        `tried: ${tried.join(", ") || "nothing that the server offers"}`,
        `it accepts: ${acceptable.join(", ") || "nothing"}`,
        ...said ? [] : advice(tried, acceptable),
      ].join("; "),
      { tried, acceptable },
      cause === undefined ? undefined : { cause },
    );
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

/** What to do where the server does not say why it lets nobody in. */
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
