import type { Buffer } from "node:buffer";
import type { BaseAgent, IdentityCallback, SignCallback } from "ssh2";
import { AuthenticationError } from "../../errors.ts";
import ssh2 from "../npm_ssh2.ts";
import type { ParsedKey } from "../ssh2.ts";

/** What goes on in a login, for whoever has a time limit on it. */
export interface LoginEvents {
  /** Aborts when nobody waits for the outcome any more. */
  readonly signal: AbortSignal;
  /** Who is to answer next. */
  readonly waitFor: (whom: "server" | "agent" | "user") => void;
  /** No use in going on. */
  readonly fail: (error: unknown) => void;
}

/**
 * Who has keys and signs with them, in its own time. An error that is given
 * tells why it cannot, and the login goes on; one that is thrown ends it.
 */
export interface KeyHolder {
  /** For people: who it is, and what it has to offer. */
  readonly label: string;
  /** The keys, public halves only. */
  keys(): Promise<ParsedKey[] | Error>;
  /** Signs with one of them; see {@linkcode Agent.sign}. */
  sign(key: ParsedKey, data: Buffer, hash?: string): Promise<Buffer | Error>;
}

/** A holder of keys as ssh2 asks it: it offers each to the server, and has those sign that the server takes. */
export class Signer extends ssh2.BaseAgent<ParsedKey> implements BaseAgent {
  readonly #holder: KeyHolder;
  readonly #events: LoginEvents;

  constructor(holder: KeyHolder, events: LoginEvents) {
    super();
    this.#holder = holder;
    this.#events = events;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    this.#tell(callback, () => this.#holder.keys());
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: { hash?: string } | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === "function") return this.sign(key, data, {}, options);
    this.#tell(callback!, () => this.#holder.sign(key, data, options.hash));
  }

  /** Hands the outcome to ssh2, unless nobody waits for it any more. */
  async #tell<T>(
    callback: (error?: Error | null, value?: T) => void,
    work: () => Promise<T | Error>,
  ): Promise<void> {
    const { signal, waitFor, fail } = this.#events;
    waitFor("agent");
    let outcome: T | Error;
    try {
      outcome = await work();
    } catch (error) {
      return fail(error);
    }
    if (signal.aborted) return;
    waitFor("server");
    try {
      if (outcome instanceof Error) callback(outcome);
      else callback(null, outcome);
    } catch (cause) {
      // ssh2 looks into signatures, and throws if they are none.
      fail(
        new AuthenticationError(
          "key-unreadable",
          `${this.#holder.label} gave a signature that is none`,
          {},
          { cause },
        ),
      );
    }
  }
}
