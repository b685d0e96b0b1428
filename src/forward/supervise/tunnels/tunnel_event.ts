import type { SupervisorEvent } from "../supervisor_options.ts";

/** An event of a tunnel, without its place. */
export type TunnelEvent = WithoutTunnel<
  Extract<SupervisorEvent, { tunnel: number }>
>;
type WithoutTunnel<E> = E extends unknown ? Omit<E, "tunnel"> : never;
