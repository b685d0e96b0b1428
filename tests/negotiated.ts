import type { Negotiated } from "../mod.ts";

const direction = { cipher: "c", mac: "m", compression: "none" };

/** What a server of a test has agreed on. */
export const negotiated: Negotiated = {
  kex: "k",
  hostKey: "h",
  toServer: direction,
  toClient: direction,
  strictKex: true,
};
