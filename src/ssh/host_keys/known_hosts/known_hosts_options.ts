import type { HostKeyUpdateVerifier, HostKeyVerifier } from "../host_key.ts";

/**
 * Verification against known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"),
 * decided as `ssh` decides it (measured with OpenSSH 9.2):
 *
 * - On a port other than 22 the lines that name `[host]:port` count. Only if
 *   there are none, a line that names just the host may vouch for its key.
 * - A key is `changed` as soon as such lines exist and none holds it, also if
 *   they hold keys of other types only.
 * - Lines are looked up by the host's name as given, never by its address.
 * - A certificate counts if any `@cert-authority` line for the host, with its
 *   port or without, holds the key that signed it, and it is valid for the host's name or alias. Else its
 *   key is looked up as if it had come without one.
 *
 * It is stricter in one thing: an `@revoked` line that names just the host
 * holds on every port.
 */
export interface KnownHostsOptions {
  /**
   * The files to read; each has to exist. By default `~/.ssh/known_hosts` and
   * `/etc/ssh/ssh_known_hosts`, which may be missing, or none at all if
   * {@linkcode text} is given.
   */
  files?: readonly string[];
  /** Lines of known_hosts as text. */
  text?: string;
  /**
   * Accepts the key of a host that is not known yet, and remembers it in the
   * first of the files, which is created if it is missing. One that cannot be
   * written is warned of, and the key remembered until this process ends;
   * without files the key is accepted for this connection only. A function
   * decides about the key, e.g. by asking the user; it takes its time, and
   * nothing is sent until it has answered. It is not asked about a changed or
   * revoked key, which is never accepted.
   *
   * @default {false}
   */
  acceptNew?: boolean | HostKeyVerifier;
  /**
   * Hashes host names in what is remembered (OpenSSH:
   * `HashKnownHosts`).
   *
   * @default {false}
   */
  hashed?: boolean;
  /**
   * The name under which the host's keys are looked up and remembered, on
   * whatever port (OpenSSH: `HostKeyAlias`). By default the host and port that
   * are connected to.
   */
  alias?: string;
  /**
   * Files of keys that are refused for every host, whatever else is known of
   * them (OpenSSH: `RevokedHostKeys`): public keys, one a line, or a key
   * revocation list as `ssh-keygen -k` makes it. Each has to exist.
   */
  revokedKeys?: readonly string[];
  /**
   * With which signature algorithms an authority may have signed a host
   * certificate (OpenSSH: `CASignatureAlgorithms`). By default all that are
   * supported; none of them rests on SHA-1.
   */
  authorityAlgorithms?: readonly string[];
  /**
   * The files of {@linkcode files} to keep up to date with the server's keys
   * once the user is logged in (OpenSSH: `UpdateHostKeys`): further keys, which
   * it proves to have, are added to the first, and keys that it no longer has
   * are removed from all. This needs a key that one of these files holds, or
   * that the function of {@linkcode acceptNew} accepted, and the permission to
   * write the files (to remove keys, also their directories), which is not
   * asked for. None by default.
   */
  updateFiles?: readonly string[];
  /**
   * Decides about each change of {@linkcode updateFiles} (OpenSSH:
   * `UpdateHostKeys ask`). By default they are made without a question.
   */
  acceptUpdate?: HostKeyUpdateVerifier;
}
