import { writeAllSync } from "../../streams/write_all.ts";
import { delay, onAbort } from "../../abort.ts";
import { RForwardError } from "../../errors.ts";
import { Turns } from "../../turns.ts";
import { LineEditor } from "./line_editor.ts";
import { onSignal } from "../process/on_signal.ts";

/** Asks a person questions. */
export interface Asker {
  /** Shows text. */
  write(text: string): void;
  /** Asks a question whose answer is shown. */
  askLine(question: string, signal?: AbortSignal): Promise<string>;
  /** Asks a question whose answer is hidden. */
  askHidden(question: string, signal?: AbortSignal): Promise<string>;
}

/** The input of a terminal: a file, or standard input. */
type Keyboard = Pick<Deno.FsFile, "read" | "setRaw">;

/** The output of a terminal. */
export type Screen = Pick<Deno.FsFile, "writeSync">;

/** Signals whose default action would leave the terminal without echo; in all other cases Deno restores it. */
const DEADLY_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** How long to read what was typed before a question, in milliseconds: long enough for a busy machine. */
const DRAIN_MS = 50;

/**
 * The terminal of the process.
 *
 * It is read through standard input or, if that is not a terminal, through
 * `/dev/tty` as in `ssh`, which needs `--allow-read=/dev/tty`. It is written
 * through standard error or output, whichever is a terminal, otherwise through
 * `/dev/tty`, for which Deno requires `--allow-all`.
 *
 * Questions are asked one after the other. A pending read cannot be cancelled:
 * it keeps the process alive until the terminal is disposed of.
 */
export class Terminal implements Asker, Disposable {
  readonly #keyboard: Keyboard;
  readonly #screen: Screen;
  readonly #resources: DisposableStack;
  readonly #turns = new Turns();
  /** Receives what is typed; without one, it is dropped. */
  #taker: ((bytes: Uint8Array | undefined) => void) | undefined;
  #reading = false;

  private constructor(
    keyboard: Keyboard,
    screen: Screen,
    resources: DisposableStack,
  ) {
    this.#keyboard = keyboard;
    this.#screen = screen;
    this.#resources = resources;
  }

  /**
   * Opens the terminal; undefined without one, or if Deno may not use it.
   *
   * @param stderr Writes to standard error, in turn with others that do.
   */
  static open(stderr: Screen = Deno.stderr): Terminal | undefined {
    using resources = new DisposableStack();
    const keyboard = Deno.stdin.isTerminal()
      ? Deno.stdin
      : resources.use(controllingTerminal({ read: true }));
    const screen = Deno.stderr.isTerminal()
      ? stderr
      : Deno.stdout.isTerminal()
      ? Deno.stdout
      : resources.use(controllingTerminal({ write: true }));
    return keyboard && screen &&
      new Terminal(keyboard, screen, resources.move());
  }

  /** Shows text. */
  write(text: string): void {
    writeAllSync(this.#screen, new TextEncoder().encode(text));
  }

  /**
   * Asks a question whose answer is shown.
   *
   * @throws {RForwardError} `interrupted`: Ctrl-C, Ctrl-D, or a signal that ends programs.
   * @throws the signal's reason, if it aborts.
   */
  askLine(question: string, signal?: AbortSignal): Promise<string> {
    return this.#turns.take(() => this.#ask(question, false, signal));
  }

  /**
   * Asks a question whose answer is not shown while it is typed. Backspace and
   * Ctrl-U work.
   *
   * @throws {RForwardError} `interrupted`: Ctrl-C, Ctrl-D, or a signal that ends programs.
   * @throws the signal's reason, if it aborts.
   */
  askHidden(question: string, signal?: AbortSignal): Promise<string> {
    return this.#turns.take(() => this.#ask(question, true, signal));
  }

  /** Closes the terminal, and standard input if a read is pending. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
    if (this.#reading && this.#keyboard === Deno.stdin) Deno.stdin.close();
  }

  async #ask(
    question: string,
    hidden: boolean,
    signal?: AbortSignal,
  ): Promise<string> {
    signal?.throwIfAborted();
    using stack = new DisposableStack();
    const killed = new AbortController();
    const until = AbortSignal.any([killed.signal, ...signal ? [signal] : []]);
    for (const name of DEADLY_SIGNALS) {
      stack.use(onSignal(name, () => killed.abort(interrupted(name))));
    }
    let answered = false;
    stack.defer(() => {
      this.#taker = undefined;
      this.#restore(hidden || !answered);
    });

    if (hidden) this.#setUnseen(true);
    if (Deno.build.os !== "windows") {
      stack.use(onSignal("SIGCONT", () => {
        // The shell has changed the terminal's mode while the process was stopped.
        this.#setUnseen(false);
        if (hidden) this.#setUnseen(true);
        this.write(question);
      }));
    }
    await this.#drain(until);
    this.write(question);
    const answer = await this.#readLine(until);
    answered = true;
    return answer;
  }

  /** Drops what was typed before the question, as in `ssh`. */
  async #drain(until: AbortSignal): Promise<void> {
    this.#listen(() => {});
    await delay(DRAIN_MS, until);
  }

  async #readLine(until: AbortSignal): Promise<string> {
    const editor = new LineEditor();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    using _abort = onAbort(until, reject);
    this.#listen((bytes) => {
      switch (bytes === undefined ? "ended" : editor.type(bytes)) {
        case "typing":
          return;
        case "entered":
          resolve(editor.line);
          break;
        case "interrupted":
          reject(interrupted("Ctrl-C"));
          break;
        case "ended":
          reject(interrupted("the input ended"));
      }
      this.#taker = undefined;
    });
    return await promise;
  }

  /** Passes what is typed to a function. */
  #listen(taker: (bytes: Uint8Array | undefined) => void): void {
    this.#taker = taker;
    if (!this.#reading) void this.#read();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(1024);
    this.#reading = true;
    while (this.#taker) {
      // Fails if the terminal hung up or was closed, which ends the input.
      const length = await this.#keyboard.read(buffer).catch(() => null);
      this.#taker?.(length === null ? undefined : buffer.subarray(0, length));
      if (length === null) break;
    }
    this.#reading = false;
  }

  /** Turns off echo and line editing. Ctrl-C still sends a signal, except on Windows. */
  #setUnseen(unseen: boolean): void {
    this.#keyboard.setRaw(unseen, { cbreak: Deno.build.os !== "windows" });
  }

  /** @param newLine Whether to start a new line, as Enter was not echoed. */
  #restore(newLine: boolean): void {
    try {
      this.#setUnseen(false);
      if (newLine) this.write("\n");
    } catch {
      // The terminal hung up.
    }
  }
}

/** `/dev/tty`; undefined if it cannot be opened. */
function controllingTerminal(
  options: Deno.OpenOptions,
): Deno.FsFile | undefined {
  try {
    return Deno.openSync("/dev/tty", options);
  } catch {
    return undefined;
  }
}

function interrupted(why: string): RForwardError {
  return new RForwardError(
    "interrupted",
    `a question was not answered: ${why}`,
  );
}
