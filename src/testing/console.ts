import { orAborted } from "../abort.ts";
import type { CommandStreams } from "./command.ts";
import type { Programs } from "./served_session.ts";

/** The text that a tunnel service writes to one client. Each session gets all of it, from the beginning. */
export class Console {
  readonly #opened = Promise.withResolvers<void>();
  /** Settles when there is a session. */
  readonly opened: Promise<void> = this.#opened.promise;
  #text: string;
  #more = Promise.withResolvers<void>();

  constructor(welcome: string) {
    this.#text = welcome;
  }

  /** Writes to all sessions, present and future. */
  say(text: string): void {
    this.#text += text;
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /** What its sessions run: the same with a command as without. */
  programs(takesCommands: boolean): Programs {
    return {
      shell: (streams) => this.#serve(streams),
      exec: takesCommands
        ? (command, streams) => {
          for (const [, name, value] of command.matchAll(/(\S+)=(\S+)/g)) {
            this.say(`${name} set to: ${value}\r\n`);
          }
          return this.#serve(streams);
        }
        : undefined,
    };
  }

  /** Serves a session until the client ends it. */
  async #serve({ stdin, stdout, signal }: CommandStreams): Promise<number> {
    this.#opened.resolve();
    stdin.cancel().catch(() => {}); // the client is gone
    const writer = stdout.getWriter();
    for (let sent = 0;;) {
      signal.throwIfAborted();
      const text = this.#text.slice(sent);
      if (text === "") await orAborted(this.#more.promise, signal);
      else await writer.write(new TextEncoder().encode(text));
      sent += text.length;
    }
  }
}
