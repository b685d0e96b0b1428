import { RForwardError } from "../../errors.ts";

/** The result of {@linkcode Supervisor.reconnect}: tunnels by their index in the options. */
export interface HandOverResult {
  /** Tunnels that were bound on the new connection before the old one released them. */
  readonly overlapped: readonly number[];
  /**
   * Tunnels for which the server allows no second listener: nothing listens for
   * about a round trip.
   */
  readonly interrupted: readonly number[];
}

/** Abort reason where a new connection takes over: tunnels on the old one continue. */
export const handedOver: RForwardError = new RForwardError(
  "connection-closed",
  "a new connection has taken over",
);
