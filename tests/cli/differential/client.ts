import type { JsonEvent } from "../../../src/cli/report/json/event_json.ts";
import { TextLineStream } from "../../examples/std/streams.ts";
import { withPermissions } from "../command_process.ts";
import type { Row } from "./row.ts";
import type { Site } from "./site.ts";

/** How far a client has come: it has an answer for each forward, it waits to try again, or it has ended. */
export type Milestone = "ready" | "waiting" | "exit";

/** Which program is run. */
export type Program = "ssh" | "rforward";

/** What `ssh -v` says when it is logged in and has asked for all forwards. */
const BEGUN = /^debug1: Entering interactive session/;
/** What it says of each forward that it asks for. */
const ASKED = /^debug1: Remote connections from /;
/** What it says last of the server's answer to each. */
const ANSWERED =
  /^debug1: remote forward success for: listen (?!0,)|^Allocated port |^Warning: remote port forwarding failed /;

/** A running `ssh` or `rforward`. */
export class Client implements AsyncDisposable {
  /** What it has said so far; an error of rforward with its code in front. */
  readonly said: string[] = [];
  /** Ports that the server has chosen. */
  readonly allocated: number[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  readonly #milestones: Milestone[] = [];
  #more = Promise.withResolvers<void>();
  #seen = 0;
  /** Forwards for which `ssh -v` has not printed the server's reply. */
  #unanswered = 0;

  /** Starts it. */
  constructor(program: Program, row: Row, site: Site) {
    const ssh = program === "ssh";
    // In a session of its own there is no terminal to ask questions on.
    this.#child = new Deno.Command("setsid", {
      args: [
        // The debug output shows when ssh is ready.
        ...ssh ? ["ssh", "-v", "-N"] : [
          ...withPermissions("--allow-all"),
          ...row.again ? [] : ["--once"],
          ...row.plain ? [] : ["--json"],
        ],
        ...["-F", `${site.dir}/config`],
        ...row.args.map((argument) => site.fill(argument)),
      ],
      clearEnv: true,
      env: site.env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout, stderr, status } = this.#child;
    this.#reading = Promise.all([
      read(stdout, (line) => this.#onEvent(JSON.parse(line))),
      read(
        stderr,
        (line) => ssh ? this.#onDebug(line.trim()) : this.said.push(line),
      ),
      status,
    ]).then(() => this.#reach("exit"));
  }

  /** Its exit status. */
  get exit(): Promise<number> {
    return this.#child.status.then(({ code }) => code);
  }

  /** The next milestone. */
  async next(): Promise<Milestone> {
    while (this.#seen === this.#milestones.length) await this.#more.promise;
    return this.#milestones[this.#seen++]!;
  }

  /** Signals it. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended.
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGTERM");
    const force = setTimeout(() => this.kill("SIGKILL"), 3000);
    await this.#reading;
    clearTimeout(force);
  }

  /** A line of `ssh -v`. */
  #onDebug(line: string): void {
    const [, port] = /^Allocated port (\d+)/.exec(line) ?? [];
    if (port) this.allocated.push(Number(port));
    this.said.push(line);
    if (ASKED.test(line)) this.#unanswered++;
    if (ANSWERED.test(line)) this.#unanswered--;
    if (this.#unanswered === 0 && (ANSWERED.test(line) || BEGUN.test(line))) {
      this.#reach("ready");
    }
  }

  /** A line of `rforward --json`. */
  #onEvent(event: JsonEvent): void {
    if ("error" in event && event.error) {
      this.said.push(`${event.error.code}: ${event.error.message}`);
    }
    switch (event.type) {
      case "bound":
        if (event.asked.port === 0) this.allocated.push(event.bound.port!);
        break;
      case "verified":
        if (event.verdict !== "verified") this.said.push(event.verdict);
        break;
      case "message":
        if (event.level !== "debug") this.said.push(event.text);
        break;
      case "state":
        if (event.state === "up" || event.state === "degraded") {
          this.#reach("ready");
        }
        break;
      case "waiting":
        this.#reach("waiting");
    }
  }

  #reach(milestone: Milestone): void {
    this.#milestones.push(milestone);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}

async function read(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  const lines = stream.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) onLine(line);
}
