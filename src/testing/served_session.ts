import type {
  CommandHandler,
  CommandStreams,
  ShellHandler,
} from "./command.ts";
import type { ServerChannel, Session } from "./ssh2_server.ts";

/** What a session may run; what is undefined is refused. */
export interface Programs {
  readonly exec: CommandHandler | undefined;
  readonly shell: ShellHandler | undefined;
}

/** Accepts a request of the client: undefined for a second one on a channel, which RFC 4254 section 6.5 forbids. */
type Accept = () => ServerChannel | undefined;

/**
 * Serves a session channel (RFC 4254 section 6).
 *
 * @param serve Runs a program on the channel.
 * @param acceptExec Accepts a command, in a way that need not be the usual one.
 */
export function serveSession(
  session: Session,
  { exec, shell }: Programs,
  serve: (
    channel: ServerChannel,
    program: (streams: CommandStreams) => Promise<number>,
  ) => void,
  acceptExec: (accept: Accept) => ServerChannel | undefined,
): void {
  if (shell) {
    // Clients that have a terminal ask for one; it has no effect.
    session.on("pty", (accept: (() => void) | undefined) => accept?.());
    session.on("shell", (accept: Accept) => {
      const channel = accept();
      if (channel) serve(channel, shell);
    });
  }
  if (exec) {
    session.on("exec", (accept: Accept, _reject, { command }) => {
      const channel = acceptExec(accept);
      if (channel) serve(channel, (streams) => exec(command, streams));
    });
  }
}
