import type { TcpBind } from "../ssh/connection.ts";

/**
 * A public tunnel service that a test server behaves like: a rebuild of what
 * its source or documentation says, as far as a client notices.
 *
 * - `sish`: writes on the session where visitors come in; never answers
 *   `exec`, though it heeds the command; names every bind address `localhost`; accepts
 *   `direct-tcpip` and then ends the whole connection.
 * - `srvus`: answers `tcpip-forward` only once there is a session; has a shell,
 *   and refuses commands.
 * - `serveo`: logs in by `keyboard-interactive` without a question.
 */
export type Profile = "sish" | "srvus" | "serveo";

/** What a tunnel service does otherwise than sshd. */
export interface Manners {
  /** Whether `keyboard-interactive` asks nothing, and is the way to log in. */
  readonly asksNothing?: true;
  /** Whether it answers requests to listen only once there is a session. */
  readonly waitsForSession?: true;
  /** What becomes of a command. */
  readonly exec: "answered" | "unanswered" | "refused";
  /** What becomes of a connection to its side (`direct-tcpip`). */
  readonly direct: "refused" | "hangs-up";
  /** What it writes first on a session. */
  readonly welcome: string;
  /** What it writes of a bind, which visitors reach at `http://` and this address. */
  announce(asked: TcpBind, visitors: string): string;
  /** The bind as it names it to the client when somebody comes in. */
  name(bind: TcpBind): TcpBind;
}

/** What each of them does. All of them are programs made with Go's SSH package. */
export const manners: Readonly<Record<Profile, Manners>> = {
  sish: {
    exec: "unanswered",
    direct: "hangs-up",
    welcome: "\x1b[41mPress Ctrl-C to close the session.\x1b[0m\r\n",
    announce: ({ port }, visitors) =>
      `Starting SSH Forwarding service for \x1b[32mhttp:${port}\x1b[0m. ` +
      `Forwarded connections can be accessed via the following methods:\r\n` +
      `\x1b[44mHTTP\x1b[0m: http://${visitors}\r\n\r\n`,
    name: ({ port }) => ({ address: "localhost", port }),
  },
  srvus: {
    waitsForSession: true,
    exec: "refused",
    direct: "refused",
    welcome: "",
    announce: ({ port }, visitors) => `${port}: http://${visitors}/\r\n`,
    name: (bind) => bind,
  },
  serveo: {
    asksNothing: true,
    exec: "answered",
    direct: "refused",
    welcome: "",
    announce: (_, visitors) =>
      `\x1b[32mForwarding HTTP traffic from http://${visitors}\r\n\x1b[0m`,
    name: (bind) => bind,
  },
};
