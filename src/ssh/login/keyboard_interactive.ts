import { ArgumentError, AuthenticationError } from "../../errors.ts";
import type {
  KeyboardInteractive,
  KeyboardInteractiveRequest,
} from "../options.ts";
import type { Attempt } from "./attempt.ts";
import type { LoginEvents } from "./signer.ts";

/** How often a server may ask in one attempt. */
const MAX_ROUNDS = 100;

/**
 * Keyboard-interactive authentication (RFC 4256).
 *
 * @param answer Who answers what the server asks.
 * @param tries How often it is tried.
 */
export function keyboardInteractive(
  answer: KeyboardInteractive,
  username: string,
  events: LoginEvents,
  tries: number,
): Attempt {
  let rounds = 0;
  const attempt: Attempt = {
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
          if (!answers) attempt.triesLeft = 0;
          finish(answers ?? request.prompts.map(() => ""));
        }).catch(events.fail);
      },
    },
    triesLeft: tries,
  };
  return attempt;
}

/** Runs the user's callback and checks what it says. */
async function ask(
  answer: KeyboardInteractive,
  request: KeyboardInteractiveRequest,
): Promise<string[] | undefined> {
  const answers: unknown = await answer(request);
  if (answers === undefined) return undefined;
  const { length } = request.prompts;
  if (
    Array.isArray(answers) && answers.length === length &&
    answers.every((answer) => typeof answer === "string")
  ) return [...answers];
  throw new ArgumentError(
    "keyboardInteractive",
    `has to give ${length} ${
      length === 1 ? "text" : "texts"
    }, an answer to each prompt, or undefined`,
  );
}
