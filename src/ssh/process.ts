import { ChannelError, type RForwardError } from "../errors.ts";
import { Channel, type ChannelCarrier, type ChannelIds } from "./channel.ts";
import type {
  CommandOutput,
  ExecOptions,
  ExitStatus,
  SshProcess,
} from "./connection.ts";
import { type Chunk, ReceiveQueue } from "./receive_queue.ts";

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

  /** Asks for something on the channel; tells whether the server will. */
  request(send: (channel: number) => void): Promise<boolean> {
    const reply = Promise.withResolvers<boolean>();
    this.#replies.push(reply);
    send(this.remoteId);
    return reply.promise;
  }

  /** Sends a signal (RFC 4254 section 6.9). */
  kill(signal: string): void {
    this.carrier.protocol.signal(this.remoteId, signal);
  }

  override onReply(success: boolean): void {
    this.#replies.shift()?.resolve(success);
  }

  override onExtendedData(data: Chunk): void {
    if (this.accepts(data.length)) this.#stderr.push(data);
  }

  override onRequest(type: string, wantReply: boolean, data: unknown): void {
    if (type === "exit-status" && typeof data === "number") {
      this.#exit = { code: data, signal: undefined, success: data === 0 };
    } else if (type === "exit-signal") {
      const { signal } = data as { signal: string };
      this.#exit = { code: undefined, signal: `SIG${signal}`, success: false };
    } else {
      super.onRequest(type, wantReply, data);
    }
  }

  override onClose(): void {
    super.onClose();
    for (const reply of this.#replies.splice(0)) reply.resolve(false);
    this.#status.resolve(this.#exit);
  }

  override onConnectionEnd(
    error: RForwardError | undefined,
    ended: RForwardError,
  ): void {
    super.onConnectionEnd(error, ended);
    for (const reply of this.#replies.splice(0)) reply.reject(ended);
    this.#status.reject(ended);
  }

  protected override endReceiving(error?: Error): void {
    super.endReceiving(error);
    this.#stderr.end(error);
  }

  protected override abortReceiving(error: Error): void {
    super.abortReceiving(error);
    this.#stderr.abort(error);
  }

  /** A command goes on when its output is not wanted. */
  protected override onReadableCancelled(): void {}

  /** The exit status may come after EOF: the server closes. */
  protected override get closesAfterEof(): boolean {
    return false;
  }
}

/** Starts a command on a session channel that was just opened. */
export async function startProcess(
  channel: SessionChannel,
  start: (channel: number) => void,
  command: string,
  { signal }: ExecOptions,
): Promise<SshProcess> {
  const close = () => channel.close(signal!.reason);
  signal?.addEventListener("abort", close, { once: true });
  channel.closed.then(() => signal?.removeEventListener("abort", close));
  if (await channel.request(start)) return new RemoteProcess(channel);
  signal?.throwIfAborted();
  channel.close();
  throw new ChannelError(
    "channel-refused",
    `the server would not run ${JSON.stringify(command)}`,
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
    this.#channel.kill(signal.replace(/^SIG/, ""));
  }

  close(): void {
    this.#channel.close();
  }

  /** Does not wait for the command: sshd answers only once it has ended. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
