import { signalNames } from "../ssh/messages/request_payloads.ts";
import type { Logger } from "../logger.ts";
import type { ServedChannel } from "./served_channel.ts";
import type { Session } from "./ssh2_server.ts";

/** What a command reads and writes. */
export interface CommandStreams {
  /** What the client sends; ends at its EOF. */
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Standard output. What was not awaited before the command ends may be lost. */
  readonly stdout: WritableStream<Uint8Array>;
  /** Standard error. */
  readonly stderr: WritableStream<Uint8Array>;
  /** Aborts when the client sends a signal, closes the channel or disconnects. */
  readonly signal: AbortSignal;
}

/**
 * Stands in for the shell that runs a client's commands; settles with the
 * exit status.
 *
 * One that rejects ends by the signal that the client sent, if it sent one.
 * Otherwise its error goes to standard error, and the exit status is 1.
 *
 * Disposing of the server waits for it: it has to end when `signal` aborts.
 */
export type CommandHandler = (
  command: string,
  streams: CommandStreams,
) => Promise<number>;

/** Stands in for the user's shell where a client asks for that and names no command; otherwise as {@linkcode CommandHandler}. */
export type ShellHandler = (streams: CommandStreams) => Promise<number>;

/** Runs one command and closes its channel. */
export async function serveCommand(
  session: Session,
  channel: ServedChannel,
  run: (streams: CommandStreams) => Promise<number>,
  logger: Logger,
): Promise<void> {
  const killed = new AbortController();
  let killedBy: string | undefined;
  session.on("signal", (_accept, _reject, { name }) => {
    if (killedBy || !signalNames.has(name)) return;
    killedBy = name;
    killed.abort(new DOMException(`the client sent SIG${name}`, "AbortError"));
  });
  session.on("close", () => channel.onClose());

  const stdout = new WritableStream<Uint8Array>({
    write: (chunk) => channel.write(chunk),
  });
  const stderr = new WritableStream<Uint8Array>({
    write: (chunk) => channel.writeError(chunk),
  });
  try {
    const status = await run({
      stdin: channel.readable,
      stdout,
      stderr,
      signal: AbortSignal.any([channel.signal, killed.signal]),
    });
    await Promise.all([flush(stdout), flush(stderr)]);
    channel.exit(status);
  } catch (error) {
    if (killedBy) {
      channel.exit(killedBy);
    } else if (!channel.signal.aborted) {
      logger.warn(`a command of the test server failed: ${error}`, error);
      await channel.writeError(new TextEncoder().encode(`${error}\n`))
        .catch(() => {}); // The client has disconnected in the meantime.
      channel.exit(1);
    }
  }
  channel.eof();
  channel.close();
}

/** Waits until what is queued is written. A locked stream has an owner, which has waited. */
async function flush(stream: WritableStream<Uint8Array>): Promise<void> {
  if (stream.locked) return;
  // Rejects if the handler has closed it already, or the client has disconnected.
  await stream.close().catch(() => {});
}
