import { ArgumentError, AuthenticationError } from "../../errors.ts";
import type {
  KeyboardInteractive,
  KeyboardInteractiveRequest,
} from "../connect_options.ts";
import {
  readInfoRequest,
  writeInfoResponse,
  writeKeyboardInteractiveRequest,
} from "../messages/login_messages.ts";
import type { Attempt } from "./attempt.ts";

/** How often a server may ask in one attempt. */
const MAX_ROUNDS = 100;

/**
 * Keyboard-interactive authentication (RFC 4256).
 *
 * @param answer Answers the server's questions.
 * @param tries How often it is tried.
 */
export function keyboardInteractive(
  answer: KeyboardInteractive,
  tries: number,
): Attempt {
  let rounds = 0;
  const attempt: Attempt = {
    method: "keyboard-interactive",
    label: "keyboard-interactive",
    async run(dialog) {
      let reply = await dialog.request(
        writeKeyboardInteractiveRequest(dialog.user),
      );
      while (reply.kind === "message") {
        const request = readInfoRequest(reply.message);
        if (++rounds > MAX_ROUNDS) {
          throw new AuthenticationError(
            "authentication-failed",
            `the server asked ${MAX_ROUNDS} times and still wants to know more`,
          );
        }
        dialog.waitFor("user");
        const answers = await ask(answer, request);
        if (!answers) {
          // An empty answer would count as a wrong one. RFC 4256 section 3.1
          // lets the client ask for something else instead.
          attempt.triesLeft = 0;
          return undefined;
        }
        reply = await dialog.request(writeInfoResponse(answers));
      }
      // sshd without PAM offers the method and asks nothing: more attempts
      // would only count as failures (MaxAuthTries), so ssh stops, too.
      if (rounds === 0) attempt.triesLeft = 0;
      return reply;
    },
    triesLeft: tries,
  };
  return attempt;
}

/** Runs the user's callback and checks what it returns. */
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
