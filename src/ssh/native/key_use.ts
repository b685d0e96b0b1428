/** How much one direction did with its keys, to replace them in time. */
export interface KeyUse {
  /** Packets, each of which took a sequence number. */
  packets: number;
  /** Bytes of packets, tags included. */
  bytes: number;
}

/** Nothing so far. */
export function unusedKeys(): KeyUse {
  return { packets: 0, bytes: 0 };
}
