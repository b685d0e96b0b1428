import { onAbort } from "../../abort.ts";
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
  SshSignal,
} from "../connection.ts";
import type { ChannelRequest } from "../messages/connection_messages.ts";
import {
  type Payload,
  readExit,
  signalNames,
  signalRequest,
} from "../messages/request_payloads.ts";
import { printable } from "../../text/printable.ts";
import type { Chunk } from "../../streams/gathered_bytes.ts";
import { ReceiveQueue } from "./receive_queue.ts";

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
    // A caller that only wants the output does not have to handle it.
    this.status.catch(() => {});
  }

  get stderr(): ReadableStream<Chunk> {
    return this.#stderr.readable;
  }

  /**
   * Sends a request on the channel.
   *
   * @returns whether the server will. Output counts as success: sish sends it
   * and never answers `exec`.
   */
  request({ name: type, data }: Payload): Promise<boolean> {
    if (this.failure) return Promise.reject(this.failure);
    const reply = Promise.withResolvers<boolean>();
    this.#replies.push(reply);
    this.sendRequest({ type, wantReply: true, data });
    return reply.promise;
  }

  /** Sends a signal (RFC 4254 section 6.9), unless the channel is closed. */
  kill(signal: string): void {
    if (this.failure) return;
    const { name: type, data } = signalRequest(signal);
    this.sendRequest({ type, wantReply: false, data });
  }

  override onReply(success: boolean): void {
    const reply = this.#replies.shift();
    if (reply) return reply.resolve(success);
    // It had output before, which counted as success.
    if (!success) this.close(notStarted());
  }

  override onData(data: Uint8Array): void {
    this.#replies.shift()?.resolve(true);
    super.onData(data);
  }

  override onExtendedData(data: Uint8Array): void {
    this.#replies.shift()?.resolve(true);
    if (this.accepts(data.length)) this.#stderr.push(data);
  }

  override onRequest(request: ChannelRequest): void {
    const exit = readExit(request.type, request.data);
    if (!exit) return super.onRequest(request);
    this.#exit = "code" in exit
      ? { code: exit.code, signal: undefined, success: exit.code === 0 }
      : {
        code: undefined,
        signal: `SIG${printable(exit.signal)}`,
        success: false,
      };
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

  /** Do not wait for the server: sshd answers only once the command has ended. */
  protected override onClosedHere(error: Error): void {
    super.onClosedHere(error);
    this.#stderr.abort(error);
    this.#stopWaiting(error);
  }

  #stopWaiting(error: Error): void {
    for (const reply of this.#replies.splice(0)) reply.reject(error);
    this.#status.reject(error);
  }

  /** The command continues when its output is discarded. */
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
 * @param start The request.
 * @param command The command, for the error; undefined for the shell.
 * @throws {ChannelError} if the server refuses.
 */
export async function startProcess(
  channel: SessionChannel,
  start: Payload,
  command: string | undefined,
  { signal }: ExecOptions,
): Promise<SshProcess> {
  const watch = onAbort(signal, (reason) => channel.close(reason));
  const forget = () => watch[Symbol.dispose]();
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

  kill(signal: SshSignal = "SIGTERM"): void {
    const name = /^SIG(.*)/.exec(signal)?.[1] ?? "";
    if (!signalNames.has(name)) {
      throw new ArgumentError(
        "signal",
        `${
          JSON.stringify(signal)
        } is not a signal of SSH; use one such as "SIGTERM" or "SIGHUP"`,
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
