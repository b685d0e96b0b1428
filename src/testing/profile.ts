import type { TcpBind } from "../ssh/connection.ts";

/**
 * A public tunnel service that a test server behaves like: a rebuild of what
 * its source or documentation says, as far as a client notices.
 *
 * - `sish`: writes the visitors' address on the session; never answers `exec`,
 *   but obeys the command; names every bind address `localhost`; accepts
 *   `direct-tcpip` and then ends the whole connection.
 * - `srvus`: answers `tcpip-forward` only once there is a session; has a shell,
 *   and refuses commands.
 * - `serveo`: logs in by `keyboard-interactive` without a question.
 */
export type Profile = "sish" | "srvus" | "serveo";

/** How a tunnel service differs from sshd. */
export interface Manners {
  /** Logs in by `keyboard-interactive`, with no questions. */
  readonly asksNothing?: true;
  /** Answers requests to listen only once a session is open. */
  readonly waitsForSession?: true;
  /** How it treats a command. */
  readonly exec: "answered" | "unanswered" | "refused";
  /** How it treats a `direct-tcpip` request. */
  readonly direct: "refused" | "hangs-up";
  /** The first text on each session. */
  readonly welcome: string;
  /** The text on the session about a new bind, which visitors reach at this address. */
  announce(asked: TcpBind, visitors: string): string;
  /** The bind as it is named to the client when a visitor connects. */
  name(bind: TcpBind): TcpBind;
}

/** Each profile's behaviour. The real services are written with Go's SSH package. */
export const manners: Readonly<Record<Profile, Manners>> = {
  sish: {
    exec: "unanswered",
    direct: "hangs-up",
    welcome: "\x1b[41mPress Ctrl-C to close the session.\x1b[0m\r\n",
    announce: ({ port }, visitors) =>
      `Starting SSH Forwarding service for \x1b[32mhttp:${port}\x1b[0m. ` +
      `Forwarded connections can be accessed via the following methods:\r\n` +
      `\x1b[44mHTTP\x1b[0m: http://${visitors}\r\n\r\n`,
    name: ({ port }) => ({ hostname: "localhost", port }),
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
