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

/** Decides about a key: `true` accepts it, all else rejects it, also a throw. */
export type HostKeyVerifier = (key: HostKey) => boolean | Promise<boolean>;
