/** What the tests of the supervisor share. */
import {
  supervise,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorOptions,
  type SupervisorSnapshot,
  type TcpBind,
} from "../../../mod.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { loginOptions } from "../../servers/login_options.ts";
import { within } from "../../within.ts";

/** Short waits between attempts. */
export const retry = { firstMs: 20, maxMs: 100 };

/** A supervisor with short waits, and its events. */
export function start(
  server: SshServer,
  options: Partial<SupervisorOptions> & Pick<SupervisorOptions, "tunnels">,
): { supervisor: Supervisor; events: SupervisorEvent[] } {
  const events: SupervisorEvent[] = [];
  const supervisor = supervise({
    connect: loginOptions(server),
    connectRetry: retry,
    bindRetry: retry,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { supervisor, events };
}

/** Waits for a snapshot of a kind. */
export function until(
  supervisor: Supervisor,
  fits: (snapshot: SupervisorSnapshot) => boolean,
): Promise<SupervisorSnapshot> {
  const search = async () => {
    for await (const snapshot of supervisor) {
      if (fits(snapshot)) return snapshot;
    }
    throw new Error("it has stopped");
  };
  return within(20_000, "the supervisor", search());
}

export function portOf({ tunnels }: SupervisorSnapshot, index = 0): number {
  return (tunnels[index]!.bound as TcpBind).port;
}

export function statesOf(events: readonly SupervisorEvent[]): string[] {
  return events.flatMap((event) => event.type === "state" ? event.state : []);
}

export function types(events: readonly SupervisorEvent[]): string[] {
  return events.map((e) => e.type === "state" ? e.state : e.type);
}
