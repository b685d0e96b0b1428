import { RForwardError } from "../../errors.ts";

/** What a change to a new connection came to. `tunnel`s are named by their places in the options, from 0. */
export interface HandOverResult {
  /** Tunnels that listened on the new connection before the old one let go of them. */
  readonly overlapped: readonly number[];
  /**
   * Tunnels for which the server allows no second listener: between one and the
   * other nothing listens there, for about a round trip.
   */
  readonly interrupted: readonly number[];
}

/** Why a tunnel is not supervised on a connection any longer whose tunnels may go on. */
export const handedOver: RForwardError = new RForwardError(
  "connection-closed",
  "a new connection has taken over",
);
