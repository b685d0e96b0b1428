import type { CommandStreams } from "./command.ts";
import type { Programs } from "./served_session.ts";

/** What a tunnel service writes to one client: on each session all of it, whenever that is opened. */
export class Console {
  readonly #opened = Promise.withResolvers<void>();
  /** Settles when there is a session. */
  readonly opened: Promise<void> = this.#opened.promise;
  #text: string;
  #more = Promise.withResolvers<void>();

  constructor(welcome: string) {
    this.#text = welcome;
  }

  /** Writes something. */
  say(text: string): void {
    this.#text += text;
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /** What its sessions run, which comes to the same with a command. */
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
    const { promise: ended, reject } = Promise.withResolvers<never>();
    ended.catch(() => {});
    signal.addEventListener("abort", () => reject(signal.reason));
    const writer = stdout.getWriter();
    for (let sent = 0;;) {
      signal.throwIfAborted();
      const text = this.#text.slice(sent);
      if (text === "") await Promise.race([this.#more.promise, ended]);
      else await writer.write(new TextEncoder().encode(text));
      sent += text.length;
    }
  }
}
