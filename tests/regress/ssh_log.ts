import { ProtocolError } from "../../src/errors.ts";
import type { Logger } from "../../src/logger.ts";
import { MacError } from "../../src/ssh/native/packets/packet_reader.ts";

/** Our words for what the scripts look for in ssh's log, and ssh's. */
const translations: readonly [RegExp, string][] = [
  [/^exchanged keys( again)?$/, "SSH2_MSG_NEWKEYS sent"],
];

/** Writes messages as ssh does: to a file if `-E` names one. */
export class SshLog implements Logger {
  readonly #file: string | undefined;
  readonly #isQuiet: boolean;

  constructor(file: string | undefined, isQuiet: boolean) {
    this.#file = file;
    this.#isQuiet = isQuiet;
  }

  debug(message: string): void {
    if (this.#file === undefined) return;
    const [, translated = message] =
      translations.find(([pattern]) => pattern.test(message)) ?? [];
    this.#write(`debug1: ${translated}`);
  }

  info(message: string): void {
    this.#write(message);
  }

  warn(message: string): void {
    // ssh says it only once, as the reason why it ends.
    if (message.startsWith("SSH connection lost")) this.debug(message);
    else this.#write(message);
  }

  error(message: string): void {
    this.#write(message);
  }

  /** Says why ssh ends, in ssh's words where a script looks for them. */
  failed(error: Error): void {
    this.#write(sshWords(error));
  }

  #write(message: string): void {
    if (this.#file !== undefined) {
      Deno.writeTextFileSync(this.#file, `${message}\n`, { append: true });
    } else if (!this.#isQuiet) {
      console.error(message);
    }
  }
}

function sshWords(error: Error): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (!(at instanceof ProtocolError)) continue;
    if (at instanceof MacError) return "message authentication code incorrect";
    if (/bytes of padding$/.test(at.message)) return `padding: ${at.message}`;
    if (/^a packet has an invalid length/.test(at.message)) {
      return `Bad packet length: ${at.message}`;
    }
  }
  return error.message;
}
