import type {
  SupervisorEvent,
  SupervisorSnapshot,
} from "../../forward/supervise/supervisor_options.ts";
import type { TunnelConnection } from "../../forward/tunnel/tunnel_connection.ts";
import { formatBind } from "../../ssh/bind.ts";
import { printable, printableLines } from "../../text/printable.ts";
import { type Clock, systemClock } from "../report/clock.ts";
import { EventFormatter } from "../report/lines/event_formatter.ts";

/** How many events are kept. */
const MAX_EVENTS = 50;
/** How many live connections are listed; all are counted. */
const MAX_CONNECTIONS = 500;
/** How often the counters are read for the plots, in milliseconds, and how many readings are kept. */
const SAMPLE_MS = 1000;
const MAX_SAMPLES = 120;

/** Bytes a second in one direction, the latest last. */
type Rates = number[];

/** An event as a line of text. */
interface ShownEvent {
  /** Distinguishes it: a server may write a line twice within a millisecond. */
  id: number;
  time: string;
  level: string;
  text: string;
}

/** What the status page shows, as it changes. */
export class StatusModel implements Disposable {
  readonly #destination: string;
  readonly #snapshot: () => SupervisorSnapshot | undefined;
  readonly #formatter = new EventFormatter();
  readonly #live = new Map<TunnelConnection, number>();
  readonly #events: ShownEvent[] = [];
  #eventCount = 0;
  readonly #rates: { toTarget: Rates; toServer: Rates }[] = [];
  #before: readonly [number, number][] = [];
  readonly #clock: Clock;
  #cancel = () => {};

  /**
   * Starts to take readings.
   *
   * @param destination What the command line calls the server.
   */
  constructor(
    destination: string,
    snapshot: () => SupervisorSnapshot | undefined,
    clock: Clock = systemClock,
  ) {
    this.#destination = destination;
    this.#snapshot = snapshot;
    this.#clock = clock;
    this.#wait();
  }

  /** Records an event. */
  record(event: SupervisorEvent): void {
    if (event.type === "opened") this.#live.set(event.connection, event.tunnel);
    if (event.type === "closed") this.#live.delete(event.connection);
    // Live connections have a list of their own.
    if (event.type === "opened" || event.type === "closed") return;
    for (const { level, text } of this.#formatter.format(event)) {
      this.#add(level, text);
    }
  }

  /** Records what a server said before the login. */
  recordBanner(text: string): void {
    for (const line of printableLines(text)) {
      if (line !== "") this.#add("info", `server: ${line}`);
    }
  }

  /** All of it, for JSON; text of the other side is printable, and no more. */
  read(): unknown {
    const snapshot = this.#snapshot();
    const connections = [...this.#live].slice(-MAX_CONNECTIONS).reverse();
    return {
      now: this.#clock.now(),
      destination: printable(this.#destination),
      state: snapshot?.state ?? "connecting",
      since: snapshot?.since.getTime(),
      until: snapshot?.until?.getTime(),
      reconnects: snapshot?.reconnects ?? 0,
      error: text(snapshot?.error),
      server: snapshot?.server && {
        address: printable(snapshot.server.hostname),
        port: snapshot.server.port,
        user: printable(snapshot.server.user),
        software: printable(snapshot.server.software),
      },
      tunnels: snapshot?.tunnels.map((tunnel, i) => ({
        state: tunnel.state,
        bind: printable(formatBind(tunnel.bound)),
        target: printable(tunnel.target),
        verdict: tunnel.probe?.verdict,
        reach: tunnel.probe?.reach,
        warning: tunnel.probe?.warning && printable(tunnel.probe.warning),
        error: text(tunnel.error) ?? text(tunnel.targetError),
        live: tunnel.live,
        total: tunnel.total,
        failed: tunnel.failed + (tunnel.admission?.refused ?? 0),
        bytesToTarget: tunnel.bytesToTarget,
        bytesToServer: tunnel.bytesToServer,
        rates: this.#rates[i],
      })) ?? [],
      live: this.#live.size,
      connections: connections.map(([connection, tunnel]) => ({
        id: connection.id,
        tunnel,
        originator: printable(connection.originator.address),
        port: connection.originator.port,
        ageMs: Math.round(connection.ageMs),
        bytesToTarget: connection.bytesToTarget,
        bytesToServer: connection.bytesToServer,
      })),
      events: this.#events.toReversed(),
    };
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #add(level: string, text: string): void {
    const time = new Date().toISOString();
    const id = this.#eventCount++;
    this.#events.push({ id, time, level, text: printable(text) });
    this.#events.splice(0, this.#events.length - MAX_EVENTS);
  }

  #wait(): void {
    this.#cancel = this.#clock.after(SAMPLE_MS, () => {
      this.#sample();
      this.#wait();
    });
  }

  #sample(): void {
    const now = (this.#snapshot()?.tunnels ?? []).map((
      { bytesToTarget, bytesToServer },
    ): [number, number] => [bytesToTarget, bytesToServer]);
    for (const [i, bytes] of now.entries()) {
      const before = this.#before[i] ?? bytes;
      const { toTarget, toServer } = this.#rates[i] ??= {
        toTarget: [],
        toServer: [],
      };
      // Less than before where the tunnels were replaced.
      toTarget.push(Math.max(0, bytes[0] - before[0]));
      toServer.push(Math.max(0, bytes[1] - before[1]));
      toTarget.splice(0, toTarget.length - MAX_SAMPLES);
      toServer.splice(0, toServer.length - MAX_SAMPLES);
    }
    this.#rates.length = now.length;
    this.#before = now;
  }
}

function text(error: Error | undefined): string | undefined {
  return error && printable(error.message);
}
