import { defined } from "../defined.ts";
import type { RForwardError } from "../errors.ts";
import { Supervisor } from "../forward/supervise/supervisor.ts";
import type { SupervisorEvent } from "../forward/supervise/supervisor_options.ts";
import { type Logger, silentLogger } from "../logger.ts";
import type { SshConnection } from "../ssh/connection.ts";
import { withoutKeys } from "../text/shown.ts";
import { Turns } from "../turns.ts";
import type { Arguments } from "./command_line/arguments.ts";
import {
  type ConnectContext,
  planConnection,
} from "./connection/plan_connection.ts";
import { EXIT } from "./exit_status.ts";
import { type Observer, openObservers } from "./observe/open_observers.ts";
import { keepDebuggerClosed } from "./process/keep_debugger_closed.ts";
import { onSignal } from "./process/on_signal.ts";
import { openReporter } from "./report/open_reporter.ts";
import { PausingAsker } from "./terminal/pausing_asker.ts";
import { isSameConnection, type Plan, readPlan, tunnelsOf } from "./plan.ts";
import type { Level, Reporter } from "./report/reporter.ts";
import { formatDuration } from "./report/text/units.ts";
import { Secrets } from "./connection/secrets.ts";
import { Systemd } from "./process/systemd.ts";
import { type Asker, type Screen, Terminal } from "./terminal/terminal.ts";

/**
 * Keeps the forwards up until it is asked to end, or retrying cannot help.
 *
 * @returns the exit status.
 * @throws {ArgumentError} if the configuration is not valid.
 */
export async function run(args: Arguments): Promise<number> {
  const plan = await readPlan(args);
  await using command = await ForwardCommand.start(args, plan);
  return await command.ended;
}

/** Connects to the server, or to that of a fallback. */
type Connect = readonly ((signal: AbortSignal) => Promise<SshConnection>)[];

/** The running command. */
class ForwardCommand implements AsyncDisposable {
  readonly #args: Arguments;
  readonly #resources = new AsyncDisposableStack();
  readonly #reporter: Reporter;
  readonly #systemd: Systemd | undefined;
  readonly #secrets: Secrets;
  readonly #logger: Logger;
  #plan: Plan;
  /** Undefined only until it has started. */
  #supervisor!: Supervisor;
  /** Why it ended without being asked. */
  #failure: RForwardError | undefined;
  #stopping = false;
  #observers: readonly Observer[] = [];
  /** Whether systemd was notified that it is ready, when it was up for the first time. */
  #ready = false;
  /** Whether another supervisor is going to replace this one. */
  #replacing = false;
  /** New connections that are to take over: the one being made, and one that waits. */
  #reconnects = 0;
  readonly #reloads = new Turns();
  /** Whether it had a terminal at the start. */
  readonly #attended = hasTerminal();

  static async start(args: Arguments, plan: Plan): Promise<ForwardCommand> {
    const command = new ForwardCommand(args, plan);
    try {
      await command.#observe();
      command.#begin();
      return command;
    } catch (error) {
      await command[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(args: Arguments, plan: Plan) {
    this.#args = args;
    this.#plan = plan;
    const { reporter, stderr } = openReporter(
      args,
      plan.settings.logLevel,
      () => this.#supervisor?.snapshot,
      this.#resources,
    );
    this.#reporter = reporter;
    const tell = (level: Level) => (message: string) =>
      this.#reporter.message(level, withoutKeys(message));
    this.#logger = {
      debug: tell("debug"),
      info: tell("info"),
      warn: tell("warn"),
      error: tell("error"),
    };
    this.#systemd = Systemd.open(this.#logger);
    if (this.#systemd) this.#resources.use(this.#systemd);
    this.#secrets = new Secrets(this.#openAsker(stderr));
  }

  /** Settles with the exit status. */
  get ended(): Promise<number> {
    return this.#waitForEnd();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  async #observe(): Promise<void> {
    this.#observers = await openObservers(this.#args, {
      supervisor: () => this.#supervisor,
      info: (text) => this.#reporter.message("info", text),
      isPrivate: Deno.stderr.isTerminal() && this.#args.output !== "json" &&
        this.#args.logFile === undefined,
    }, this.#resources);
  }

  #begin(): void {
    const { notes } = this.#args;
    for (const note of [...notes, ...this.#plan.settings.warnings]) {
      this.#reporter.message("warn", withoutKeys(note));
    }
    this.#supervise(this.#connectAs(this.#plan));
    this.#resources.use(onSignal("SIGINT", () => this.#interrupt()));
    this.#resources.use(onSignal("SIGTERM", () => this.#stop(0)));
    this.#resources.use(onSignal("SIGHUP", () => this.#hangUp()));
    this.#resources.use(onSignal("SIGUSR1", () => this.#reconnect()));
    this.#resources.use(keepDebuggerClosed());
  }

  /** @throws {ArgumentError} if the plan is not valid. */
  #connectAs({ hops, fallbacks, engine, noDelay, proxy }: Plan): Connect {
    const context: ConnectContext = {
      engine,
      noDelay,
      proxy,
      secrets: this.#secrets,
      onBanner: (text) => this.#onBanner(text),
      // Less important once there is a connection.
      logger: {
        ...this.#logger,
        warn: (message) =>
          this.#reporter.message(
            this.#supervisor.connection ? "debug" : "warn",
            message,
          ),
      },
    };
    return [hops, ...fallbacks].map((way) => planConnection(way, context));
  }

  #supervise(connect: Connect): void {
    const { settings } = this.#plan;
    const logger = this.#logger;
    const { verify, bindWaitMs, maxWaitMs, once } = this.#args;
    const { fallbackAfterMs, fallbackReturn } = this.#args;
    const attempts = this.#args.attempts ?? (once ? 1 : undefined);
    this.#supervisor = new Supervisor({
      connect,
      fallback: defined({
        afterMs: fallbackAfterMs,
        returnWhen: fallbackReturn,
      }),
      tunnels: tunnelsOf(this.#plan),
      verify,
      session: this.#plan.session,
      allOrNothing: settings.exitOnForwardFailure ?? false,
      ...defined({ maxAttempts: attempts }),
      bindRetry: defined({ forMs: bindWaitMs }),
      connectRetry: defined({ maxMs: maxWaitMs }),
      onEvent: (event) => this.#onEvent(event),
      // The rest is reported as events.
      logger: { ...silentLogger, warn: logger.warn, error: logger.error },
    });
  }

  async #waitForEnd(): Promise<number> {
    for (;;) {
      const supervisor = this.#supervisor;
      const { error } = await supervisor.closed;
      await this.#reloads.take(() => {});
      if (supervisor !== this.#supervisor) continue;
      return error ?? this.#failure ? EXIT.failed : EXIT.ended;
    }
  }

  #onBanner(text: string): void {
    this.#reporter.message("info", text);
    for (const observer of this.#observers) observer.recordBanner?.(text);
  }

  #onEvent(event: SupervisorEvent): void {
    const isEnd = event.type === "stopped" ||
      event.type === "state" && /^stopp/.test(event.state);
    if (isEnd && this.#replacing && !this.#stopping) return;
    this.#reporter.event(
      event.type === "stopped" && this.#failure
        ? { ...event, error: this.#failure }
        : event,
    );
    for (const observer of this.#observers) observer.record(event);
    switch (event.type) {
      case "connected":
        // The terminal may be unattended from now on.
        this.#secrets.asker = undefined;
        break;
      case "lost":
        if (!this.#args.once) break;
        this.#failure = event.error;
        this.#stop(0);
        break;
      case "state":
        if (event.state === "up") {
          this.#ready = true;
          this.#systemd?.notify({ state: "ready" });
        }
        this.#systemd?.notify({ status: this.#status() });
        break;
      case "stopped":
        if (!this.#stopping) this.#systemd?.notify({ state: "stopping" });
    }
  }

  /** What `systemctl status` shows. */
  #status(): string {
    const { state, tunnels, error } = this.#supervisor.snapshot;
    const up = tunnels.filter((tunnel) => tunnel.state === "up").length;
    return `${state}, ${up} of ${tunnels.length} forwards are up${
      error ? `: ${error.message}` : ""
    }`;
  }

  /** Ctrl-C: the first lets connections finish, the second ends at once. */
  #interrupt(): void {
    const { drainMs } = this.#args;
    const live = this.#supervisor.snapshot.tunnels
      .reduce((sum, tunnel) => sum + tunnel.live, 0);
    if (this.#stopping || drainMs === 0 || !live) return this.#stop(0);
    this.#reporter.message(
      "info",
      `waiting up to ${
        formatDuration(drainMs)
      } for connections to end (${live} now); Ctrl-C again to end at once`,
    );
    this.#stop(drainMs);
  }

  #stop(drainMs: number): void {
    if (!this.#stopping) this.#systemd?.notify({ state: "stopping" });
    this.#stopping = true;
    void this.#supervisor.stop({ drainMs });
  }

  /** Tries now what it waits for; else a new connection takes over. */
  #reconnect(): void {
    const supervisor = this.#supervisor;
    const { state, tunnels } = supervisor.snapshot;
    const waits = state === "waiting" ||
      tunnels.some((tunnel) => tunnel.state === "waiting");
    if (waits) return supervisor.tryNow();
    // One that has not begun yet does for all further signals.
    if (this.#reconnects > 1) return;
    this.#reconnects++;
    // An event reports a failure.
    supervisor.reconnect({ overlap: true }).catch(() => {})
      .finally(() => this.#reconnects--);
  }

  /** SIGHUP: reads the configuration again, or ends if the terminal has hung up. */
  #hangUp(): void {
    if (this.#attended && !hasTerminal()) this.#stop(0);
    else void this.#reloads.take(() => this.#reload());
  }

  async #reload(): Promise<void> {
    try {
      const plan = await readPlan(this.#args);
      if (!this.#stopping) await this.#change(plan);
    } catch (error) {
      this.#keep(error as Error);
    }
  }

  #keep({ message }: Error): void {
    this.#reporter.message(
      "error",
      `the configuration stays as it was: ${message}`,
    );
  }

  async #change(plan: Plan): Promise<void> {
    const { drainMs } = this.#args;
    const isSame = isSameConnection(this.#plan, plan);
    const connect = this.#connectAs(plan);
    this.#reporter.message("info", "the configuration was read again");
    if (this.#ready) this.#systemd?.notify({ state: "reloading" });
    this.#plan = plan;
    if (isSame) {
      // Not awaited: the next reload must not wait for connections that drain.
      this.#supervisor.setTunnels(tunnelsOf(plan), { drainMs })
        .catch((error) => this.#keep(error));
      if (this.#ready) this.#systemd?.notify({ state: "ready" });
      return;
    }
    this.#replacing = true;
    await this.#supervisor.stop({ drainMs });
    this.#replacing = false;
    if (!this.#stopping) this.#supervise(connect);
  }

  #openAsker(screen: Screen): Asker | undefined {
    const { hops, fallbacks } = this.#plan;
    if ([hops, ...fallbacks].flat().every(({ batchMode }) => batchMode)) {
      return undefined;
    }
    const terminal = Terminal.open(screen);
    if (!terminal) return undefined;
    this.#resources.use(terminal);
    return new PausingAsker(terminal, this.#reporter);
  }
}

/** Whether there is a terminal that has not hung up. */
function hasTerminal(): boolean {
  return Deno.stdin.isTerminal() || Deno.stderr.isTerminal();
}
