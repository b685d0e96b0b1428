import type { RefusalReason } from "../../errors.ts";

/** The reason codes of CHANNEL_OPEN_FAILURE, from 1 (RFC 4254 section 5.1). */
const REASONS: readonly RefusalReason[] = [
  "administratively-prohibited",
  "connect-failed",
  "unknown-channel-type",
  "resource-shortage",
];

export function refusalCode(reason: RefusalReason): number {
  return REASONS.indexOf(reason) + 1;
}

/** The reason of a code; undefined if the RFC does not name it. */
export function refusalReason(code: number): RefusalReason | undefined {
  return REASONS[code - 1];
}
