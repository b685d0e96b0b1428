import { HostKeyError, type RForwardError } from "../../../errors.ts";
import type { ProbeVerdict } from "../../../forward/verify/probe.ts";
import type { SupervisorEvent } from "../../../forward/supervise/supervisor_options.ts";
import type { AdmissionRule } from "../../../forward/admission/admission_rules.ts";
import type { TunnelConnection } from "../../../forward/tunnel/tunnel_connection.ts";
import { formatBind, isTcp } from "../../../ssh/bind.ts";
import type { Bind, Originator, ServerInfo } from "../../../ssh/connection.ts";
import { printable } from "../../../text/printable.ts";
import { hostKeyWarning } from "./host_key_warning.ts";
import { oneLine } from "../../../text/one_line.ts";
import type { Level } from "../reporter.ts";
import { formatBytes, formatDuration } from "../text/units.ts";
import type { Line } from "./line.ts";
import { leads, verdictLine } from "./verdict_line.ts";

/** An event of a kind. */
type EventOf<T extends SupervisorEvent["type"]> = Extract<
  SupervisorEvent,
  { type: T }
>;

/**
 * Formats events in the words that users of `ssh` know. It remembers what was
 * printed, so that each reason is given only once.
 */
export class EventFormatter {
  readonly #isPrinted: (level: Level) => boolean;
  readonly #explained = new WeakSet<RForwardError>();
  /** The target of each tunnel. */
  readonly #targets = new Map<number, string>();
  /** Who answered at each tunnel's port since it was bound. */
  readonly #verdicts = new Map<number, ProbeVerdict>();
  /** The last warning about where each tunnel's port can be reached from. */
  readonly #warnings = new Map<number, string>();
  /** The current server, or the last one. */
  #server: ServerInfo | undefined;

  /** @param isPrinted Whether lines of a level are printed; all are by default. */
  constructor(isPrinted: (level: Level) => boolean = () => true) {
    this.#isPrinted = isPrinted;
  }

  /** @returns the lines to print for an event. */
  format(event: SupervisorEvent): Line[] {
    if (event.type === "stopped" && event.error) {
      return [{
        level: "error",
        text: this.#explained.has(event.error)
          ? "stopped"
          : explain(event.error),
      }];
    }
    const lines = [this.#format(event), this.#warn(event)];
    return lines.flatMap((line) =>
      line ? [{ ...line, text: oneLine(line.text) }] : []
    );
  }

  /** Warns of a port that is not reachable as asked, once while that stays so. */
  #warn(event: SupervisorEvent): Line | undefined {
    if (event.type !== "verified") return undefined;
    const { tunnel, probe: { warning } } = event;
    const before = this.#warnings.get(tunnel);
    if (warning === undefined) this.#warnings.delete(tunnel);
    else this.#warnings.set(tunnel, warning);
    return warning === undefined || warning === before ? undefined : {
      level: "warn",
      text: `Warning: ${warning}`,
      key: `reach ${tunnel} ${warning}`,
    };
  }

  #format(event: SupervisorEvent): Line | undefined {
    switch (event.type) {
      case "connecting":
        return {
          level: "debug",
          text: event.attempt > 1
            ? `connecting, attempt ${event.attempt}`
            : "connecting",
          visible: true,
        };
      case "connected": {
        this.#server = event.server;
        const { user, hostname, port, software } = event.server;
        const text = `connected to ${hostname} port ${port} as ${user} (${
          printable(software)
        })`;
        return { level: "info", text };
      }
      case "lost":
        this.#explain(event.error);
        return {
          level: "warn",
          text: `connection lost: ${event.error.message}`,
        };
      case "waiting":
        return this.#waiting(event);
      case "switching":
        return this.#switching(event);
      case "network-changed":
        return {
          level: "info",
          text: "the network of this machine has changed; trying again now",
        };
      case "bound":
        this.#verdicts.delete(event.tunnel);
        this.#targets.set(event.tunnel, event.target);
        return bound(event);
      case "verified":
        return this.#verified(event);
      case "denied":
        return this.#denied(event);
      case "paused":
      case "resumed": {
        const target = this.#targets.get(event.tunnel);
        const forward = target === undefined
          ? `forward ${event.tunnel}` // not bound yet
          : `the forward to ${target}`;
        return { level: "info", text: `${forward} is ${event.type}` };
      }
      case "opened":
        return { level: "debug", text: `${nameOf(event.connection)} opened` };
      case "closed":
        return closed(event);
      case "target-error":
        return {
          level: "warn",
          text: `connection${
            from(event.originator)
          } refused: ${event.error.message}`,
          key: `target-error ${event.tunnel} ${event.error.message}`,
        };
      case "target-down":
        return {
          level: "warn",
          text: event.released
            ? `the port is released until the target answers: ${event.error.message}`
            : event.error.message,
          key: `target-down ${event.tunnel} ${event.error.message}`,
        };
      case "target-up":
        return { level: "info", text: `the target ${event.target} answers` };
      case "target-replaced":
        this.#targets.set(event.tunnel, event.target);
        return {
          level: "info",
          text: `new connections go to ${event.target} now`,
        };
      case "handing-over":
        return handingOver(event);
      case "hand-over-failed":
        return {
          level: "warn",
          text: `no new connection: ${event.error.message}`,
        };
      case "refused":
        return refused(event);
      case "session-output":
        return { level: "info", text: `server: ${event.text}`, output: true };
      case "session-ended":
        return sessionEnded(event);
      case "slept":
        return {
          level: "info",
          text: `the clock jumped by ${
            formatDuration(event.ms)
          }: this machine slept, the process was stopped, or the clock was set; checking whether the server is still there`,
        };
      case "state":
        return undefined; // the other events imply it
      case "stopped":
        return { level: "info", text: stopped(event), visible: true };
    }
  }

  #waiting({ error, ms }: EventOf<"waiting">): Line {
    const next = `next try in ${formatDuration(ms)}`;
    const line = { level: "warn", key: `waiting ${error.message}` } as const;
    return this.#explained.has(error)
      ? { ...line, text: next, visible: true }
      : { ...line, text: andThen(error.message, next) };
  }

  #switching({ to, error }: EventOf<"switching">): Line {
    const next = to === 0 ? "trying the first server" : `trying fallback ${to}`;
    if (!error) {
      return {
        level: "info",
        text: "the first server is back: returning to it",
      };
    }
    return { level: "warn", text: andThen(error.message, next) };
  }

  #verified({ tunnel, bound, probe }: EventOf<"verified">): Line {
    const before = this.#verdicts.get(tunnel);
    this.#verdicts.set(tunnel, probe.verdict);
    const line = verdictLine(
      bound,
      this.#targets.get(tunnel) ?? "",
      probe,
      this.#server,
    );
    if (line.level === "warn") {
      return { ...line, key: `verified ${tunnel} ${line.text}` };
    }
    // Checked again, and nothing has changed.
    const level = before === probe.verdict ? "debug" : line.level;
    return { ...line, level, visible: true };
  }

  #denied({ tunnel, asked, reason, error, ms }: EventOf<"denied">): Line {
    const failed = `Warning: remote port forwarding failed for ${
      listenName(asked)
    }`; // starts as in ssh, for scripts that search for it
    const next = ms === undefined
      ? "giving up"
      : `asking again in ${formatDuration(ms)}`;
    const line = { level: "warn", key: `denied ${tunnel} ${reason}` } as const;
    // Who answers there instead has been reported.
    const isKnown = this.#verdicts.delete(tunnel) ||
      this.#explained.has(error);
    this.#explain(error);
    return isKnown
      ? { ...line, text: `${failed}: ${next}`, visible: true }
      : { ...line, text: `${failed}: ${andThen(error.message, next)}` };
  }

  /** Remembers that a warning gave the error as its reason. */
  #explain(error: RForwardError): void {
    if (this.#isPrinted("warn")) this.#explained.add(error);
  }
}

/** The last line: what ended it. */
function explain(error: RForwardError): string {
  return error instanceof HostKeyError
    ? hostKeyWarning(error)
    : oneLine(error.message);
}

function bound(
  { tunnel, asked, bound, target, checking }: EventOf<"bound">,
): Line {
  const key = `bound ${tunnel} ${formatBind(bound)}`;
  return isTcp(asked) && isTcp(bound) && asked.port === 0
    ? {
      level: "info",
      // As ssh prints it on stderr, where scripts read it; ssh has no brackets.
      text: `Allocated port ${bound.port} for remote forward to ${
        target.replace(/^\[(.*)\](:\d+)$/, "$1$2")
      }`,
      key,
    }
    : {
      level: "info",
      text: checking
        ? `${formatBind(bound)} on the server is bound, checking`
        : `${leads(bound, target)}, not checked`,
      key,
      visible: true,
    };
}

function stopped({ finished = 0, cut = 0 }: EventOf<"stopped">): string {
  if (finished + cut === 0) return "stopped";
  const many = finished === 1 ? "1 connection" : `${finished} connections`;
  return `stopped; ${many} finished, ${cut} ${cut === 1 ? "was" : "were"} cut`;
}

function handingOver(
  { overlapped, interrupted }: EventOf<"handing-over">,
): Line {
  const all = overlapped.length + interrupted.length;
  const text = "a new connection takes over";
  return {
    level: "info",
    text: interrupted.length === 0
      ? text
      : `${text}; ${interrupted.length} of ${all} ports are released first, as the server allows no second listener`,
  };
}

function refused(
  { tunnel, refusal: { rule, originator }, refused }: EventOf<"refused">,
): Line {
  return {
    level: "warn",
    text: `connection${from(originator)} refused by ${RULES[rule]}${
      refused > 1 ? `, ${refused} refused so far` : ""
    }`,
    key: `refused ${tunnel} ${rule}`,
  };
}

/** The rules, as the options of the command call them. */
const RULES: Readonly<Record<AdmissionRule, string>> = {
  allow: "--allow",
  deny: "--deny",
  maxConnections: "--max-connections",
  maxConnectionsPerOriginator: "the number of connections of one address",
  maxRate: "--max-rate",
  decide: "the program",
};

function sessionEnded({ status, error }: EventOf<"session-ended">): Line {
  if (error) {
    return {
      level: "warn",
      text: `no session: ${error.message}`,
      key: `session ${error.message}`,
    };
  }
  const how = status?.signal ??
    (status?.code === undefined ? "" : `status ${status.code}`);
  return {
    level: status?.success === false ? "info" : "debug",
    text: `the session on the server has ended${
      how && ` (${how})`
    }; the forwards stay`,
  };
}

function closed({ connection, ms, error }: EventOf<"closed">): Line {
  const { bytesToTarget, bytesToServer } = connection;
  const text = `${nameOf(connection)} closed after ${formatDuration(ms)}, ${
    formatBytes(bytesToTarget)
  } to the target, ${formatBytes(bytesToServer)} to the server${
    error ? `: ${error.message}` : ""
  }`;
  return { level: "debug", text };
}

/** What could not be bound, in ssh's words. */
function listenName(bind: Bind): string {
  return isTcp(bind) ? `listen port ${bind.port}` : `listen path ${bind.path}`;
}

function nameOf({ bind, originator, target }: TunnelConnection): string {
  return `connection${from(originator)} to ${formatBind(bind)} → ${target}`;
}

/** A client of a Unix socket has no address. */
function from({ address, port }: Originator): string {
  return address === "" ? "" : ` from ${printable(address)} port ${port}`;
}

/** A message may end with a question. */
function andThen(message: string, next: string): string {
  return message.endsWith("?")
    ? `${message} ${next.charAt(0).toUpperCase()}${next.slice(1)}`
    : `${message}; ${next}`;
}
