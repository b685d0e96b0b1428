import { ArgumentError } from "../errors.ts";
import type { StartTransport } from "./message_transport.ts";
import type { Algorithms } from "./algorithms.ts";

/**
 * What speaks SSH's transport layer (RFC 4253) for {@linkcode connect}: the
 * native engine, which is the default, or that of `@x2go/rforward/ssh2`.
 */
export interface Engine {
  /** Its name, e.g. `"native"`. */
  readonly name: string;
  /** What it offers by default, most wanted first. */
  readonly defaultAlgorithms: Readonly<Required<Algorithms>>;
  /** All that it can be asked for. */
  readonly supportedAlgorithms: Readonly<Required<Algorithms>>;
}

const starts = new WeakMap<Engine, StartTransport>();

export function defineEngine(engine: Engine, start: StartTransport): Engine {
  starts.set(engine, start);
  return engine;
}

/** @throws {ArgumentError} if it is not an engine. */
export function startOf(engine: Engine): StartTransport {
  const start = starts.get(engine);
  if (start) return start;
  throw new ArgumentError("engine", "use `ssh2` of @x2go/rforward/ssh2");
}
