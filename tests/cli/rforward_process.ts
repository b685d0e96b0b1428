import type { JsonEvent } from "../../src/cli/report/json/event_json.ts";
import { within } from "../within.ts";

/** How the command is started. */
export interface RforwardOptions {
  /** Its arguments; `--json` comes before them. */
  args: readonly string[];
  /** What it is started through; that has to become the command. */
  through?: readonly string[];
  /** Further arguments of `deno run`. */
  deno?: readonly string[];
}

type EventOf<T extends JsonEvent["type"]> = Extract<JsonEvent, { type: T }>;

/** How long anything may take to happen, in milliseconds, unless a test says otherwise. */
const PATIENCE_MS = 20_000;

/** The command `rforward --json` as a process of its own; disposing kills it. */
export class RforwardProcess implements AsyncDisposable {
  /** All events so far. */
  readonly events: JsonEvent[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #stderr = "";
  #seen = 0;
  #more = Promise.withResolvers<void>();
  #ended = false;

  /** Starts it. */
  constructor({ args, through = [], deno = [] }: RforwardOptions) {
    const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
    const [program = "", ...rest] = [
      ...through,
      ...[Deno.execPath(), "run", "--quiet", "--allow-all", ...deno, main],
      ...["--json", ...args],
    ];
    this.#child = new Deno.Command(program, {
      args: rest,
      env: { NO_COLOR: "1", SSH_AUTH_SOCK: "" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** How it ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** What it printed on standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /**
   * Waits for the next event of a kind; those before it count as seen.
   *
   * @param options `fits`: which one; any by default. `withinMs`: how long it may take.
   */
  async next<T extends JsonEvent["type"]>(
    type: T,
    { fits = () => true, withinMs = PATIENCE_MS }: {
      fits?: (event: EventOf<T>) => boolean;
      withinMs?: number;
    } = {},
  ): Promise<EventOf<T>> {
    const isIt = (event: JsonEvent): event is EventOf<T> =>
      event.type === type && fits(event as EventOf<T>);
    const search = async () => {
      for (;;) {
        while (this.#seen < this.events.length) {
          const event = this.events[this.#seen++]!;
          if (isIt(event)) return event;
        }
        if (this.#ended) throw new Error("it has ended");
        await this.#more.promise;
      }
    };
    try {
      return await within(withinMs, type, search());
    } catch (error) {
      const told = this.events.map((event) => JSON.stringify(event));
      throw new Error(
        [`no ${type}`, ...told.slice(-20), this.#stderr].join("\n"),
        { cause: error },
      );
    }
  }

  /** Waits until `count` events of a kind have come, whatever came between them; one by default. */
  async some<T extends JsonEvent["type"]>(
    type: T,
    count = 1,
  ): Promise<EventOf<T>[]> {
    const search = async () => {
      while (this.all(type).length < count) {
        if (this.#ended) throw new Error(`it has ended: ${this.#stderr}`);
        await this.#more.promise;
      }
      return this.all(type);
    };
    try {
      return await within(PATIENCE_MS, `${count} ${type}`, search());
    } catch (cause) {
      throw new Error(
        this.events.map((event) => JSON.stringify(event)).join("\n"),
        { cause },
      );
    }
  }

  /**
   * Waits until all tunnels are up; called again, until they are up again.
   *
   * @returns the port of the last one that was bound.
   */
  async up(options: { withinMs?: number } = {}): Promise<number> {
    await this.next("state", { ...options, fits: (e) => e.state === "up" });
    return this.all("bound").at(-1)?.bound.port ?? 0;
  }

  /** All events of a kind so far. */
  all<T extends JsonEvent["type"]>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> =>
      event.type === type
    );
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    Deno.kill(this.pid, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL"); // also where it is stopped
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
    await this.#reading;
    await this.#child.status;
  }

  async #read(): Promise<void> {
    await Promise.all([this.#readEvents(), this.#readErrors()]);
    this.#ended = true;
    this.#more.resolve();
  }

  async #readEvents(): Promise<void> {
    let rest = "";
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line));
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    }
  }

  async #readErrors(): Promise<void> {
    const text = this.#child.stderr.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) this.#stderr += chunk;
  }
}
