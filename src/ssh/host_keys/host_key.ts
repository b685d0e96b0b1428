/** A host key that a server showed. */
export interface HostKey {
  /** The host that was dialled. */
  hostname: string;
  /** The port that was dialled. */
  port: number;
  /** The key's type, e.g. `ssh-ed25519`. */
  type: string;
  /** Its fingerprint as `ssh-keygen -l` prints it: `SHA256:…`. */
  fingerprint: string;
  /** The key as it came over the wire (RFC 4253 section 6.6). */
  data: Uint8Array;
}

/** How known_hosts is about to change, since the server has other keys than before. */
export interface HostKeyChanges {
  /** The host as known_hosts names it. */
  host: string;
  /** Keys to add; the server has proved that it has them. */
  learned: Pick<HostKey, "type" | "fingerprint">[];
  /** Keys to remove: the server no longer has them. */
  forgotten: Pick<HostKey, "type" | "fingerprint">[];
}

/**
 * Decides about changes: `true` makes them, anything else does not, including a throw.
 *
 * @param signal Aborts when the connection ends.
 */
export type HostKeyUpdateVerifier = (
  changes: HostKeyChanges,
  signal: AbortSignal,
) => boolean | Promise<boolean>;

/** Decides about a key: `true` accepts it, all else rejects it, also a throw. */
export type HostKeyVerifier = (key: HostKey) => boolean | Promise<boolean>;
