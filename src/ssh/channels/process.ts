import {
  ArgumentError,
  ChannelError,
  type RForwardError,
} from "../../errors.ts";
import { Channel, type ChannelCarrier, type ChannelIds } from "./channel.ts";
import type {
  CloseReason,
  CommandOutput,
  ExecOptions,
  ExitStatus,
  SshProcess,
} from "../connection.ts";
import { printable } from "../printable.ts";
import type { Chunk } from "./gathered_bytes.ts";
import { ReceiveQueue } from "./receive_queue.ts";

/** Those that RFC 4254 section 6.10 names. */
const SIGNALS =
  /^(ABRT|ALRM|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM|USR1|USR2)$/;

/** A session channel (RFC 4254 section 6): it has a second stream, and says how its command ended. */
export class SessionChannel extends Channel {
  readonly #stderr: ReceiveQueue;
  readonly #replies: PromiseWithResolvers<boolean>[] = [];
  readonly #status = Promise.withResolvers<ExitStatus>();
  readonly status: Promise<ExitStatus> = this.#status.promise;
  #exit: ExitStatus = { code: undefined, signal: undefined, success: false };

  constructor(carrier: ChannelCarrier, ids: ChannelIds) {
    super(carrier, ids);
    this.#stderr = new ReceiveQueue(
      (bytes) => this.returnWindow(bytes),
      () => {},
    );
    // Whoever only wants the output need not look at it.
    this.status.catch(() => {});
  }

  get stderr(): ReadableStream<Chunk> {
    return this.#stderr.readable;
  }

  /**
   * Asks for something on the channel.
   *
   * @returns whether the server will. Output counts as a yes: sish sends it
   * and never answers `exec`.
   */
  request(send: (channel: number) => void): Promise<boolean> {
    if (this.failure) return Promise.reject(this.failure);
    const reply = Promise.withResolvers<boolean>();
    this.#replies.push(reply);
    send(this.remoteId);
    return reply.promise;
  }

  /** Sends a signal (RFC 4254 section 6.9), unless the channel is closed. */
  kill(signal: string): void {
    if (!this.failure) this.carrier.protocol.signal(this.remoteId, signal);
  }

  override onReply(success: boolean): void {
    const reply = this.#replies.shift();
    if (reply) return reply.resolve(success);
    // It had output before, which was taken for a yes.
    if (!success) this.close(notStarted());
  }

  override onData(data: Chunk): void {
    this.#replies.shift()?.resolve(true);
    super.onData(data);
  }

  override onExtendedData(data: Chunk): void {
    this.#replies.shift()?.resolve(true);
    if (this.accepts(data.length)) this.#stderr.push(data);
  }

  override onRequest(type: string, wantReply: boolean, data: unknown): void {
    if (type === "exit-status" && typeof data === "number") {
      this.#exit = { code: data, signal: undefined, success: data === 0 };
    } else if (type === "exit-signal") {
      const signal = `SIG${printable((data as { signal: string }).signal)}`;
      this.#exit = { code: undefined, signal, success: false };
    } else {
      super.onRequest(type, wantReply, data);
    }
  }

  override onClose(): void {
    super.onClose();
    for (const reply of this.#replies.splice(0)) reply.resolve(false);
    this.#status.resolve(this.#exit);
  }

  override onConnectionEnd(reason: CloseReason, error: RForwardError): void {
    super.onConnectionEnd(reason, error);
    this.#stopWaiting(error);
  }

  protected override endReceiving(error?: Error): void {
    super.endReceiving(error);
    this.#stderr.end(error);
  }

  /** Not waiting for the server: sshd answers only once the command has ended. */
  protected override onClosedHere(error: Error): void {
    super.onClosedHere(error);
    this.#stderr.abort(error);
    this.#stopWaiting(error);
  }

  #stopWaiting(error: Error): void {
    for (const reply of this.#replies.splice(0)) reply.reject(error);
    this.#status.reject(error);
  }

  /** A command goes on when its output is not wanted. */
  protected override onReadableCancelled(): void {}

  /** The exit status may come after EOF: the server closes. */
  protected override get closesAfterEof(): boolean {
    return false;
  }
}

/**
 * Starts a command, or the user's shell, on a session channel that was just
 * opened.
 *
 * @param start Sends the request.
 * @param command The command, for the error; undefined for the shell.
 * @throws {ChannelError} if the server will not.
 */
export async function startProcess(
  channel: SessionChannel,
  start: (channel: number) => void,
  command: string | undefined,
  { signal }: ExecOptions,
): Promise<SshProcess> {
  const close = () => channel.close(signal!.reason);
  if (signal?.aborted) close();
  signal?.addEventListener("abort", close, { once: true });
  const forget = () => signal?.removeEventListener("abort", close);
  channel.status.then(forget, forget);
  if (await channel.request(start)) return new RemoteProcess(channel);
  channel.close();
  throw notStarted(command);
}

function notStarted(command?: string): ChannelError {
  return new ChannelError(
    "channel-refused",
    command === undefined
      ? "the server would not start what was asked for on the session"
      : `the server would not run ${JSON.stringify(command)}`,
  );
}

class RemoteProcess implements SshProcess {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Chunk>;
  readonly stderr: ReadableStream<Chunk>;
  readonly status: Promise<ExitStatus>;
  readonly #channel: SessionChannel;

  constructor(channel: SessionChannel) {
    this.#channel = channel;
    this.stdin = channel.writable;
    this.stdout = channel.readable;
    this.stderr = channel.stderr;
    this.status = channel.status;
  }

  async output(): Promise<CommandOutput> {
    // The command may have ended and taken its stdin with it.
    if (!this.stdin.locked) this.stdin.close().catch(() => {});
    const [stdout, stderr, status] = await Promise.all([
      new Response(this.stdout).bytes(),
      new Response(this.stderr).bytes(),
      this.status,
    ]);
    return { ...status, stdout, stderr };
  }

  kill(signal = "TERM"): void {
    const name = signal.replace(/^SIG/, "");
    if (!SIGNALS.test(name)) {
      throw new ArgumentError(
        "signal",
        `${
          JSON.stringify(signal)
        } is no signal of SSH; use one such as "TERM" or "SIGHUP"`,
      );
    }
    this.#channel.kill(name);
  }

  close(): void {
    this.#channel.close();
  }

  /** Does not wait for the command. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
