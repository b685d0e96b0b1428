/** Algorithms to offer, most wanted first, by their SSH names. What is left out stays as it is by default. */
export interface Algorithms {
  /** Ciphers. `chacha20-poly1305@openssh.com` comes first by default: it is the fastest here. */
  cipher?: string[];
  /** Key exchange. */
  kex?: string[];
  /** Host keys. Those that known_hosts holds for the host come first by default. */
  serverHostKey?: string[];
  /** MACs, for ciphers that need one. */
  mac?: string[];
  /** Compression (`none`, `zlib@openssh.com`). By default none: it costs more time than it saves on fast networks. */
  compression?: string[];
  /**
   * Signature algorithms of the keys to log in with (OpenSSH:
   * `PubkeyAcceptedAlgorithms`), in any order. By default neither DSA
   * (`ssh-dss`) nor RSA with SHA-1 (`ssh-rsa`); keys that have no other
   * algorithm are not offered.
   */
  userKey?: string[];
}
