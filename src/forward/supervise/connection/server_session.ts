import { delay } from "../../../abort.ts";
import { ArgumentError, ChannelError } from "../../../errors.ts";
import type { Logger } from "../../../logger.ts";
import type { SshConnection, SshProcess } from "../../../ssh/connection.ts";
import { serverKind } from "../../../ssh/server_kind.ts";
import { checkText } from "../../../validate.ts";
import { OutputLines } from "./output_lines.ts";
import type { SessionMode, SupervisorEvent } from "../supervisor_options.ts";

/** How long a server may take to answer `tcpip-forward` before it is assumed to wait for a session, in milliseconds. */
const ANSWER_MS = 2000;

type SessionEvent = Extract<SupervisorEvent, { type: `session-${string}` }>;

/**
 * The session that a supervisor opens on each connection, to show what the
 * server has to say: public tunnel services write the address there that they
 * give out, and some forward nothing without one. Its end changes nothing for
 * the tunnels.
 */
export class ServerSession {
  readonly #mode: SessionMode;
  readonly #emit: (event: SessionEvent) => void;
  readonly #logger: Logger;
  readonly #answerMs: number;
  #answered = Promise.withResolvers<void>();

  /** @throws {ArgumentError} if the mode is not one of them. */
  constructor(
    mode: SessionMode,
    emit: (event: SessionEvent) => void,
    logger: Logger,
    answerMs = ANSWER_MS,
  ) {
    if (typeof mode === "object") {
      checkText("session.command", mode.command, "command");
    } else if (!["auto", "always", "never"].includes(mode)) {
      throw new ArgumentError(
        "session",
        'use "auto", "always", "never" or { command }',
      );
    }
    this.#mode = mode;
    this.#emit = emit;
    this.#logger = logger;
    this.#answerMs = answerMs;
  }

  /** The server has answered a request to listen, or has none to answer. */
  answered(): void {
    this.#answered.resolve();
  }

  /** Opens a session if there is to be one, and reads it until it or the connection ends. Never rejects. */
  async keep(connection: SshConnection): Promise<void> {
    this.#answered = Promise.withResolvers();
    try {
      if (!await this.#isWanted(connection)) return;
      await using process = await this.#open(connection);
      await this.#read(process);
    } catch (error) {
      if (connection.signal.aborted) return;
      // In "auto" it was but an attempt.
      if (this.#mode === "auto" || !(error instanceof ChannelError)) {
        this.#logger.debug(`no session: ${(error as Error).message}`, error);
      } else {
        this.#emit({ type: "session-ended", error });
      }
    }
  }

  async #isWanted(connection: SshConnection): Promise<boolean> {
    if (this.#mode !== "auto") return this.#mode !== "never";
    const kind = serverKind(connection.server);
    if (kind !== "openssh" && kind !== "dropbear") return true;
    const over = new AbortController();
    const signal = AbortSignal.any([connection.signal, over.signal]);
    try {
      return await Promise.race([
        this.#answered.promise.then(() => false),
        delay(this.#answerMs, signal).then(() => true),
      ]);
    } finally {
      over.abort();
    }
  }

  #open(connection: SshConnection): Promise<SshProcess> {
    const { signal } = connection;
    return typeof this.#mode === "object"
      ? connection.exec(this.#mode.command, { signal })
      : connection.shell({ signal });
  }

  /** Standard input stays open: a service may take its end for the end of it all. */
  async #read({ stdout, stderr, status }: SshProcess): Promise<void> {
    const lines = (stream: "stdout" | "stderr") =>
      new OutputLines((text) =>
        this.#emit({ type: "session-output", stream, text })
      );
    await Promise.all([
      lines("stdout").read(stdout),
      lines("stderr").read(stderr),
    ]);
    this.#emit({ type: "session-ended", status: await status });
  }
}
