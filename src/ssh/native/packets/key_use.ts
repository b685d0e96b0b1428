/** How much one direction's key was used, which decides when it is replaced. */
export interface KeyUse {
  packets: number;
  /** Bytes of packets, tags included. */
  bytes: number;
}

/** The use of a new key. */
export function unusedKeys(): KeyUse {
  return { packets: 0, bytes: 0 };
}
