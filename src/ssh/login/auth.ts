import {
  ArgumentError,
  AuthenticationError,
  RForwardError,
} from "../../errors.ts";
import { SshAgent } from "./agent.ts";
import type {
  ConnectOptions,
  KeyboardInteractive,
  KeyboardInteractiveRequest,
} from "../options.ts";
import type { LoadedKey } from "./private_keys.ts";
import { printable } from "../printable.ts";
import type { AnyAuthMethod } from "../ssh2.ts";

/** One way to log in. */
interface Attempt {
  /** The method's name (RFC 4252), by which the server offers it. */
  method: "publickey" | "keyboard-interactive" | "password";
  /** For people: what it was, without a secret. */
  readonly label: string;
  /** What ssh2 is to do. */
  how: AnyAuthMethod;
}

/** What {@linkcode Authentication} tells whoever drives the connection. */
export interface AuthenticationEvents {
  /** Aborts when nobody waits for the outcome any more. */
  readonly signal: AbortSignal;
  /** Who is to answer next. */
  readonly waitFor: (whom: "server" | "agent" | "user") => void;
  /** No use in going on. */
  readonly fail: (error: unknown) => void;
}

/** What was prepared to log in with. */
export interface Credentials {
  /** The private keys, read. */
  readonly privateKeys: readonly LoadedKey[];
  /** The agent's socket. */
  readonly agent: string | undefined;
}

/** Which ways to log in there are, and which were tried. */
export class Authentication {
  readonly #user: string;
  readonly #attempts: Attempt[];
  readonly #events: AuthenticationEvents;
  readonly #tried: Attempt[] = [];
  #acceptable: readonly string[] = [];

  /**
   * @param options What the user has.
   * @param credentials What of it was prepared.
   * @param events Told what goes on.
   */
  constructor(
    options: ConnectOptions,
    credentials: Credentials,
    events: AuthenticationEvents,
  ) {
    this.#user = options.user;
    this.#attempts = [...attempts(options, credentials, events)];
    this.#events = events;
  }

  /**
   * What to try next; false when nothing is left. ssh2 calls it first with no
   * methods, then with those the server offers.
   */
  next(acceptable: readonly string[] | null): AnyAuthMethod | false {
    this.#events.waitFor("server");
    // Asking for "none" is how one learns what the server offers (RFC 4252 section 5.2).
    if (acceptable === null) return { type: "none", username: this.#user };
    this.#acceptable = acceptable;
    const index = this.#attempts.findIndex((attempt) =>
      acceptable.includes(attempt.method)
    );
    const [attempt] = index < 0 ? [] : this.#attempts.splice(index, 1);
    if (!attempt) return false;
    this.#tried.push(attempt);
    return attempt.how;
  }

  /**
   * Why nobody was let in.
   *
   * @param said What the server said, if it did.
   */
  error(said: string, cause?: unknown): AuthenticationError {
    const acceptable = this.#acceptable.map(printable);
    const tried = this.#tried.map(({ label }) => label);
    return new AuthenticationError(
      "authentication-failed",
      [
        `the server did not let ${this.#user} in${said && `: ${said}`}`,
        `tried: ${tried.join(", ") || "nothing that the server offers"}`,
        `it accepts: ${acceptable.join(", ") || "nothing"}`,
      ].join("; "),
      { tried, acceptable },
      cause === undefined ? undefined : { cause },
    );
  }
}

/** How often a server may ask in keyboard-interactive authentication. */
const MAX_ROUNDS = 100;

/** All ways to log in, in the order that ConnectOptions promises. */
function* attempts(
  options: ConnectOptions,
  { privateKeys, agent }: Credentials,
  events: AuthenticationEvents,
): Generator<Attempt> {
  const { user: username, password } = options;
  for (const { key, fingerprint } of privateKeys) {
    yield {
      method: "publickey",
      label: `publickey ${fingerprint}`,
      how: { type: "publickey", username, key },
    };
  }
  if (agent !== undefined) {
    yield agentAttempt(username, agent, events);
  }
  const answer = options.keyboardInteractive ??
    (password === undefined ? undefined : answerWith(password));
  if (answer) {
    let rounds = 0;
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
          if (++rounds > MAX_ROUNDS) {
            return events.fail(
              new AuthenticationError(
                "authentication-failed",
                `the server asked ${MAX_ROUNDS} times and still wants to know more`,
              ),
            );
          }
          events.waitFor("user");
          ask(answer, request).then((answers) => {
            if (events.signal.aborted) return;
            events.waitFor("server");
            finish(answers);
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

function agentAttempt(
  username: string,
  path: string,
  events: AuthenticationEvents,
): Attempt {
  const method = "publickey";
  // There, it is no Unix socket: ssh2 knows the ways.
  if (Deno.build.os === "windows") {
    const how = { type: "agent", username, agent: path } as const;
    return { method, label: `agent ${path}`, how };
  }
  const agent = new SshAgent(path, events);
  return {
    method,
    get label() {
      return agent.label;
    },
    how: { type: "agent", username, agent },
  };
}

/**
 * The socket of the agent that the environment names.
 *
 * @throws {RForwardError} `permission-denied` if Deno may not look it up.
 * @throws {AuthenticationError} if there is none.
 */
export function agentSocket(): string {
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
