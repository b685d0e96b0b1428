import { runDenoWith } from "../../permissions.ts";
import { readGrantedVariable } from "../../environment.ts";
import type { Logger } from "../../logger.ts";
import { printable } from "../../text/printable.ts";

/** What can be reported to systemd (sd_notify(3)). */
export interface SystemdNews {
  /** What the service is doing now. */
  state?: "ready" | "reloading" | "stopping";
  /** What `systemctl status` shows of it, in one line. */
  status?: string;
}

/** How to reach systemd. */
export interface SystemdOptions {
  /** The socket's path; one that begins with `@` is abstract. */
  socket: string;
  /** The watchdog's time limit, in milliseconds; undefined without a watchdog. */
  watchdogMs?: number | undefined;
  /** Logger for failures to notify. */
  logger: Logger;
}

const ASSIGNMENTS = {
  ready: "READY=1",
  reloading: "RELOADING=1",
  stopping: "STOPPING=1",
} as const;

/** The minimum time between two statuses, in milliseconds. */
const STATUS_INTERVAL_MS = 1000;

/** How long one message may take, in milliseconds. systemd-notify waits for systemd itself for 5 s. */
const SEND_TIMEOUT_MS = 10_000;

/** The longest that a timer can wait, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Notifies systemd of the service's state, and that it is alive.
 *
 * Each message is sent by a `systemd-notify` process (15 ms), since Deno 2.9 has
 * Unix datagram sockets only behind `--unstable-net`. It needs
 * `--allow-run=systemd-notify`, and `NotifyAccess=all` in the unit, because the
 * sender is not the service's main process. `Type=notify-reload` is not
 * supported: it requires a clock that Deno cannot read.
 *
 * One message is sent at a time, and the latest status wins. The watchdog is
 * fed as long as the event loop runs: a tunnel that is down recovers by itself,
 * and a restart would not help. Nothing here throws; the first of consecutive
 * failures is logged.
 */
export class Systemd implements AsyncDisposable {
  readonly #socket: string;
  readonly #logger: Logger;
  readonly #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** The states to send, in order; none is skipped. */
  readonly #states: NonNullable<SystemdNews["state"]>[] = [];
  #news: Pick<SystemdNews, "status"> & { alive?: true } = {};
  #status = "";
  #statusTime = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  #failing = false;
  #closed = false;

  constructor({ socket, watchdogMs, logger }: SystemdOptions) {
    this.#socket = socket;
    this.#logger = logger;
    if (watchdogMs !== undefined) {
      // Twice as often as required, as sd_watchdog_enabled(3) recommends.
      this.#heartbeat = setInterval(
        () => this.#tell({ alive: true }),
        Math.min(watchdogMs / 2, MAX_TIMER_MS),
      );
    }
  }

  /**
   * Opens the connection to the systemd that started this process; undefined
   * without one, or if Deno may not read its variables
   * (`--allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID`).
   *
   * @param environment Looks up a variable of the environment.
   */
  static open(
    logger: Logger,
    environment: (name: string) => string | undefined = readGrantedVariable,
  ): Systemd | undefined {
    const socket = environment("NOTIFY_SOCKET");
    if (!socket) return undefined;
    const watchdogMs = Number(environment("WATCHDOG_USEC") ?? 0) / 1000;
    const watched = environment("WATCHDOG_PID") ?? `${Deno.pid}`;
    return new Systemd({
      socket,
      watchdogMs: watchdogMs > 0 && watched === `${Deno.pid}`
        ? watchdogMs
        : undefined,
      logger,
    });
  }

  /**
   * Sends news: what the service is doing at once, a status at most once a
   * second. Does nothing once disposed of.
   */
  notify(news: SystemdNews): void {
    this.#tell(news);
  }

  /** Sends what is pending, and stops feeding the watchdog. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#closed = true;
    this.#sendDue();
    while (this.#sending) await this.#sending;
  }

  #tell(news: SystemdNews & { alive?: true }): void {
    if (this.#closed) return;
    const { state, ...others } = news;
    if (state) this.#states.push(state);
    this.#news = { ...this.#news, ...others };
    this.#sendDue();
  }

  #sendDue(): void {
    if (this.#sending) return;
    clearTimeout(this.#timer);
    const { alive } = this.#news;
    const state = this.#states.shift();
    const status = printable(this.#news.status ?? this.#status);
    const urgent = state !== undefined || alive || this.#closed;
    if (!urgent && status === this.#status) return;

    const now = performance.now();
    const waitMs = this.#statusTime + STATUS_INTERVAL_MS - now;
    if (!urgent && waitMs > 0) {
      this.#timer = setTimeout(() => this.#sendDue(), waitMs);
      return;
    }
    const assignments: string[] = [];
    if (state) assignments.push(ASSIGNMENTS[state]);
    if (alive) assignments.push("WATCHDOG=1");
    if (status !== this.#status) {
      assignments.push(`STATUS=${status}`);
      this.#status = status;
      this.#statusTime = now;
    }
    this.#news = {};
    if (assignments.length === 0) return;
    this.#sending = this.#send(assignments).then(() => {
      this.#sending = undefined;
      this.#sendDue();
    });
  }

  async #send(assignments: string[]): Promise<void> {
    try {
      const { success, stderr } = await new Deno.Command("systemd-notify", {
        args: assignments,
        env: { NOTIFY_SOCKET: this.#socket },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
        signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
      }).output();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
      this.#failing = false;
    } catch (error) {
      const log = this.#failing ? "debug" : "warn";
      this.#failing = true;
      this.#logger[log](
        `could not notify systemd of ${assignments.join(", ")}: ${why(error)}`,
      );
    }
  }
}

function why(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return runDenoWith("--allow-run=systemd-notify");
  }
  return printable(error instanceof Error ? error.message : String(error)) ||
    "systemd-notify did not end in time";
}
