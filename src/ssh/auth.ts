import {
  ArgumentError,
  AuthenticationError,
  RForwardError,
} from "../errors.ts";
import type { Logger } from "../logger.ts";
import type {
  ConnectOptions,
  KeyboardInteractive,
  KeyboardInteractiveRequest,
} from "./options.ts";
import type { LoadedKey } from "./private_keys.ts";
import { printable } from "./printable.ts";
import type { AnyAuthMethod } from "./ssh2.ts";

/** One way to log in. */
interface Attempt {
  /** The method's name (RFC 4252), by which the server offers it. */
  method: "publickey" | "keyboard-interactive" | "password";
  /** For people: what it was, without a secret. */
  label: string;
  /** What ssh2 is to do. */
  how: AnyAuthMethod;
}

/** What {@linkcode Authentication} tells whoever drives the connection. */
export interface AuthenticationEvents {
  /** A callback of the user runs: its time does not count. */
  readonly pause: () => void;
  /** The server is to answer next; false if it is too late for that. */
  readonly resume: () => boolean;
  /** A callback of the user failed: no use in going on. */
  readonly fail: (error: unknown) => void;
}

/** Which ways to log in there are, and which were tried. */
export class Authentication {
  readonly #user: string;
  readonly #attempts: Attempt[];
  readonly #events: AuthenticationEvents;
  readonly #tried: string[] = [];
  #acceptable: readonly string[] = [];

  /**
   * @param options What the user has.
   * @param keys The private keys of the options, read.
   * @param events Told what goes on.
   */
  constructor(
    options: ConnectOptions,
    keys: readonly LoadedKey[],
    events: AuthenticationEvents,
  ) {
    this.#user = options.user;
    this.#attempts = [...attempts(options, keys, events)];
    this.#events = events;
  }

  /**
   * What to try next; false when nothing is left. ssh2 calls it first with no
   * methods, then with those the server offers.
   */
  next(acceptable: readonly string[] | null): AnyAuthMethod | false {
    this.#events.resume();
    // Asking for "none" is how one learns what the server offers (RFC 4252 section 5.2).
    if (acceptable === null) return { type: "none", username: this.#user };
    this.#acceptable = acceptable;
    const index = this.#attempts.findIndex((attempt) =>
      acceptable.includes(attempt.method)
    );
    const [attempt] = index < 0 ? [] : this.#attempts.splice(index, 1);
    if (!attempt) return false;
    this.#tried.push(attempt.label);
    return attempt.how;
  }

  /** Why nobody was let in. */
  error(cause?: unknown): AuthenticationError {
    const acceptable = this.#acceptable.map(printable);
    const tried = this.#tried.join(", ") || "nothing that the server offers";
    return new AuthenticationError(
      "authentication-failed",
      `the server did not let ${this.#user} in; tried: ${tried}; it accepts: ${
        acceptable.join(", ") || "nothing"
      }`,
      { tried: this.#tried, acceptable },
      cause === undefined ? undefined : { cause },
    );
  }

  /** Says what happened to the agent, which is no reason to stop. */
  agentFailed(error: Error, logger: Logger): void {
    this.#tried.push(`(the agent failed: ${error.message})`);
    logger.warn(`the SSH agent failed: ${error.message}`);
  }
}

/** All ways to log in, in the order that ConnectOptions promises. */
function* attempts(
  options: ConnectOptions,
  keys: readonly LoadedKey[],
  events: AuthenticationEvents,
): Generator<Attempt> {
  const { user: username, agent, password } = options;
  for (const { key, fingerprint } of keys) {
    yield {
      method: "publickey",
      label: `publickey ${fingerprint}`,
      how: { type: "publickey", username, key },
    };
  }
  if (agent !== undefined) {
    const path = agent === true ? agentSocket() : agent;
    yield {
      method: "publickey",
      label: `agent ${path}`,
      how: { type: "agent", username, agent: path },
    };
  }
  const answer = options.keyboardInteractive ??
    (password === undefined ? undefined : answerWith(password));
  if (answer) {
    yield {
      method: "keyboard-interactive",
      label: "keyboard-interactive",
      how: {
        type: "keyboard-interactive",
        username,
        prompt: (name, instruction, _language, prompts, finish) => {
          const request = {
            name,
            instruction,
            prompts: prompts.map(({ prompt, echo = false }) => ({
              text: prompt,
              echo,
            })),
          };
          events.pause();
          ask(answer, request).then((answers) => {
            if (events.resume()) finish(answers);
          }, events.fail);
        },
      },
    };
  }
  if (password !== undefined) {
    yield {
      method: "password",
      label: "password",
      how: { type: "password", username, password },
    };
  }
}

function agentSocket(): string {
  let path: string | undefined;
  try {
    path = Deno.env.get("SSH_AUTH_SOCK");
  } catch (cause) {
    throw new RForwardError(
      "permission-denied",
      "may not look up the agent's socket; run deno with --allow-env=SSH_AUTH_SOCK",
      { cause },
    );
  }
  if (path) return path;
  throw new AuthenticationError(
    "key-unreadable",
    "no agent: SSH_AUTH_SOCK is not set; start ssh-agent or give the socket's path",
  );
}

/** Runs the user's callback and checks what it says. */
async function ask(
  answer: KeyboardInteractive,
  request: KeyboardInteractiveRequest,
): Promise<string[]> {
  const answers: unknown = await answer(request);
  const { length } = request.prompts;
  if (
    Array.isArray(answers) && answers.length === length &&
    answers.every((answer) => typeof answer === "string")
  ) return [...answers];
  throw new ArgumentError(
    "keyboardInteractive",
    `has to give ${length} ${
      length === 1 ? "text" : "texts"
    }, an answer to each prompt`,
  );
}

/** Many servers ask for the password this way (PAM); anything else they ask is not for it. */
function answerWith(password: string): KeyboardInteractive {
  return ({ prompts }) => {
    const [prompt] = prompts;
    const asked = prompts.length === 1 && prompt && !prompt.echo;
    return asked ? [password] : prompts.map(() => "");
  };
}
