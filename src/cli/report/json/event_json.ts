/**
 * What `--json` prints: one JSON object a line, each a {@linkcode JsonEvent}.
 * docs/command.md lists the fields. Names and meanings stay; new types and
 * fields may be added.
 *
 * @module
 */

import type { RForwardError } from "../../../errors.ts";
import type { SupervisorEvent } from "../../../forward/supervise/supervisor_options.ts";
import { formatBind, isTcp } from "../../../ssh/bind.ts";
import type { Bind, Originator, ServerInfo } from "../../../ssh/connection.ts";
import { printable } from "../../../text/printable.ts";
import type { Level } from "../reporter.ts";

/** How fields are written, by their names; all others are written as they are. */
const writers = {
  asked: writeBind,
  bound: writeBind,
  error: ({ code, message }: RForwardError) => ({ code, message }),
  ms: (ms: number) => Math.round(ms),
  originator: ({ address, port }: Originator) => ({
    address: printable(address),
    port,
  }),
  server: (
    { hostname, port, user, software, hostKeyFingerprint, negotiated }:
      ServerInfo,
  ) => ({
    host: hostname,
    port,
    user,
    software: printable(software),
    hostKeyFingerprint,
    negotiated,
  }),
  until: (until: Date) => until.toISOString(),
};

type Writers = typeof writers;

/** An event with its fields as they are written. */
type Json<E> = E extends unknown ? {
    [K in keyof E]: K extends keyof Writers
      ? ReturnType<Writers[K]> | Extract<E[K], undefined>
      : E[K];
  }
  : never;

/** What happened, without when. */
export type JsonEventBody = Json<
  | ReturnType<typeof flatten>
  /** Anything else that is for people. */
  | { type: "message"; level: Level; text: string }
>;

/** One line: what happened and when, in ISO 8601 with milliseconds, UTC. */
export type JsonEvent = JsonEventBody & { time: string };

/** An event as a program reads it. */
export function eventJson(event: SupervisorEvent): JsonEventBody {
  return toJson(flatten(event));
}

/** Writes each field, and leaves out those that are undefined. */
function toJson<E extends object>(event: E): Json<E> {
  const write: Record<string, (value: never) => unknown> = writers;
  const fields = Object.entries(event)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, write[name]?.(value as never) ?? value]);
  return Object.fromEntries(fields);
}

/** An event with what it is about among its own fields. */
function flatten(event: SupervisorEvent) {
  switch (event.type) {
    case "verified": {
      const { probe, ...rest } = event;
      return { ...rest, ...probe };
    }
    case "opened": {
      const { connection: { id, originator, target }, ...rest } = event;
      return { ...rest, id, originator, target };
    }
    case "closed": {
      const { connection, ...rest } = event;
      const { id, originator, target, bytesToTarget, bytesToServer } =
        connection;
      return { ...rest, id, originator, target, bytesToTarget, bytesToServer };
    }
    case "target-error":
      return { ...event, target: event.error.target };
    case "refused": {
      const { refusal: { rule, reason, originator }, ...rest } = event;
      return { ...rest, rule, reason, originator };
    }
    case "session-ended": {
      const { type, status, error } = event;
      return { type, code: status?.code, signal: status?.signal, error };
    }
    default:
      return event;
  }
}

/** Where the server listens: `address` and `port`, or `path`; `text` is for people. */
function writeBind(
  bind: Bind,
): { text: string; address?: string; port?: number; path?: string } {
  const text = formatBind(bind);
  return isTcp(bind)
    ? { text, address: bind.hostname, port: bind.port }
    : { text, path: bind.path };
}
