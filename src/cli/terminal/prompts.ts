/**
 * The questions of a login, in the words of `ssh`.
 *
 * @module
 */

import type { HostKey, HostKeyChanges } from "../../ssh/host_keys/host_key.ts";
import { knownHostsName } from "../../ssh/host_keys/known_hosts/known_hosts_file.ts";
import type { KeyboardInteractive } from "../../ssh/connect_options.ts";
import { printable } from "../../text/printable.ts";
import type { Asker } from "./terminal.ts";

/** The maximum number of lines of a server's instruction. */
const MAX_LINES = 20;

/** The types of keys as ssh prints them. */
const KEY_TYPES: ReadonlyMap<string, string> = new Map([
  ["ssh-ed25519", "ED25519"],
  ["ssh-rsa", "RSA"],
  ["ssh-dss", "DSA"],
  ["ecdsa-sha2-nistp256", "ECDSA"],
  ["ecdsa-sha2-nistp384", "ECDSA"],
  ["ecdsa-sha2-nistp521", "ECDSA"],
  ["sk-ssh-ed25519@openssh.com", "ED25519-SK"],
  ["sk-ecdsa-sha2-nistp256@openssh.com", "ECDSA-SK"],
]);

/** Asks a person the questions of a login. */
export class Prompts {
  readonly #asker: Asker;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param asker Asks the person.
   * @param signal Aborts the questions.
   */
  constructor(asker: Asker, signal?: AbortSignal) {
    this.#asker = asker;
    this.#signal = signal;
  }

  /**
   * Whether the person accepts an unknown host key.
   *
   * @throws {RForwardError} `interrupted`
   */
  async confirmHostKey(key: HostKey): Promise<boolean> {
    const host = printable(knownHostsName(key.hostname, key.port));
    const type = KEY_TYPES.get(key.type) ?? printable(key.type);
    let question = [
      `The authenticity of host '${host}' can't be established.`,
      `${type} key fingerprint is ${key.fingerprint}.`,
      "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
    ].join("\n");
    for (;;) {
      const answer = (await this.#line(question)).trim();
      if (/^yes$/i.test(answer) || answer === key.fingerprint) return true;
      if (/^(no)?$/i.test(answer)) return false;
      question = "Please type 'yes', 'no' or the fingerprint: ";
    }
  }

  /**
   * Whether the person accepts that known_hosts changes.
   *
   * @param signal Aborts the question: the login is over when it is asked.
   * @throws {RForwardError} `interrupted`
   */
  async confirmHostKeys(
    { host, learned, forgotten }: HostKeyChanges,
    signal: AbortSignal,
  ): Promise<boolean> {
    const row = (what: string) =>
    (
      { type, fingerprint }: HostKeyChanges["learned"][number],
    ) => `  ${what} ${KEY_TYPES.get(type) ?? printable(type)} ${fingerprint}`;
    let question = [
      `${printable(host)} showed its known host key; its others have changed:`,
      ...learned.map(row("new:")),
      ...forgotten.map(row("gone:")),
      "Update known_hosts (yes/no)? ",
    ].join("\n");
    for (;;) {
      const answer = (await this.#asker.askLine(question, signal)).trim();
      if (/^yes$/i.test(answer)) return true;
      if (/^(no)?$/i.test(answer)) return false;
      question = "Please type 'yes' or 'no': ";
    }
  }

  /**
   * Asks for the passphrase of a private key.
   *
   * @returns the passphrase; undefined if the answer is empty, to skip the key.
   * @throws {RForwardError} `interrupted`
   */
  async passphrase(file: string): Promise<string | undefined> {
    const answer = await this.#hidden(
      `Enter passphrase for key '${printable(file)}': `,
    );
    return answer === "" ? undefined : answer;
  }

  /**
   * Asks for the password of a user on a server.
   *
   * @throws {RForwardError} `interrupted`
   */
  password(user: string, host: string): Promise<string> {
    return this.#hidden(`${account(user, host)}'s password: `);
  }

  /**
   * Asks for a new password twice, until both answers are the same.
   *
   * @param said The server's text about it, printable; may be empty.
   * @returns the password; undefined if the answer is empty.
   * @throws {RForwardError} `interrupted`
   */
  async newPassword(
    user: string,
    host: string,
    said: string,
  ): Promise<string | undefined> {
    const whose = `${account(user, host)}'s new password: `;
    if (said !== "") this.#asker.write(`${said}\n`);
    for (;;) {
      const answer = await this.#hidden(`Enter ${whose}`);
      if (answer === "") return undefined;
      if (await this.#hidden(`Retype ${whose}`) === answer) return answer;
      this.#asker.write("Mismatch; try again.\n");
    }
  }

  /** Tells the person that the last answer was refused. */
  denied(): void {
    this.#asker.write("Permission denied, please try again.\n");
  }

  /**
   * Passes on the server's questions, each marked as the server's, so that it
   * cannot pass for a question of this program.
   */
  keyboardInteractive(user: string, host: string): KeyboardInteractive {
    return async ({ name, instruction, prompts }) => {
      const lines = `${name}\n${instruction}`.split(/\r?\n/).map(printable)
        .filter((line) => line !== "").slice(0, MAX_LINES);
      let shown = lines.map((line) => `${line}\n`).join("");
      if (prompts.length === 0) this.#asker.write(shown);
      const answers: string[] = [];
      for (const { text, echo } of prompts) {
        const question = `${shown}(${account(user, host)}) ${printable(text)} `;
        shown = "";
        answers.push(
          await (echo ? this.#line(question) : this.#hidden(question)),
        );
      }
      return answers;
    };
  }

  #line(question: string): Promise<string> {
    return this.#asker.askLine(question, this.#signal);
  }

  #hidden(question: string): Promise<string> {
    return this.#asker.askHidden(question, this.#signal);
  }
}

function account(user: string, host: string): string {
  return printable(`${user}@${host}`);
}
