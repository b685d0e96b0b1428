import { printableLines } from "../../../text/printable.ts";

/** Characters of one line that are waited for; what is longer is cut there. */
const MAX_LINE = 4096;
/** How long the rest of a line is waited for, in milliseconds. */
const PATIENCE_MS = 250;
/** What may come at once, and then per second: characters, where a line counts for some at least. */
const BURST = 32 * 1024;
const PER_SECOND = 4 * 1024;
const LEAST = 80;
/** After a flood, this much has to be possible at once again before anything more is shown. */
const RESUME = BURST / 4;
/** Bytes that are read per second, which is more than a person gets to see: the connection is for the tunnels. */
const READ_PER_SECOND = 1024 * 1024;

/**
 * Turns what a server writes into lines that can be shown: without what does
 * something to a terminal, without blank ones, and not more of them than a
 * person can read. What is too much is still read, if slowly: a server
 * whose output is not taken may stop serving the tunnel.
 */
export class OutputLines {
  readonly #say: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #credit = BURST;
  #creditedAt = performance.now();
  #floods = false;
  /** The time by which so much may have been read. */
  #readUntil = 0;
  /** Lines that were left out since the last one that was not. */
  #skipped = 0;

  /** @param say Takes each line. */
  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Reads until the stream ends; rejects if it breaks. */
  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of stream) {
        this.#add(this.#decoder.decode(chunk, { stream: true }));
        await this.#pace(chunk.length);
      }
    } finally {
      this.#add(this.#decoder.decode());
      this.#flush();
      this.#sayHowMany();
    }
  }

  /** Waits where more comes than is read per second. */
  async #pace(bytes: number): Promise<void> {
    const now = performance.now();
    const ms = bytes / READ_PER_SECOND * 1000;
    this.#readUntil = Math.max(this.#readUntil, now - 1000) + ms;
    const wait = this.#readUntil - now;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }

  #add(text: string): void {
    clearTimeout(this.#timer);
    const lines = (this.#rest + text).split(/\r\n|[\r\n]/);
    this.#rest = lines.pop()!;
    for (const line of lines) this.#line(line);
    while (this.#rest.length > MAX_LINE) {
      this.#line(this.#rest.slice(0, MAX_LINE));
      this.#rest = this.#rest.slice(MAX_LINE);
    }
    // Not every line has an end: a prompt has none.
    if (this.#rest !== "") {
      this.#timer = setTimeout(() => this.#flush(), PATIENCE_MS);
    }
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#line(this.#rest);
    this.#rest = "";
  }

  #line(text: string): void {
    if (text.trim() === "") return;
    if (!this.#pay(Math.max(LEAST, text.length))) return void this.#skipped++;
    this.#sayHowMany();
    for (const line of printableLines(text)) this.#say(line);
  }

  #pay(price: number): boolean {
    const now = performance.now();
    const earned = (now - this.#creditedAt) / 1000 * PER_SECOND;
    this.#credit = Math.min(BURST, this.#credit + earned);
    this.#creditedAt = now;
    this.#floods = this.#credit < (this.#floods ? RESUME : price);
    if (this.#floods) return false;
    this.#credit -= price;
    return true;
  }

  #sayHowMany(): void {
    if (this.#skipped === 0) return;
    const lines = this.#skipped === 1 ? "line was" : "lines were";
    this.#say(`… ${this.#skipped} ${lines} left out`);
    this.#skipped = 0;
  }
}
