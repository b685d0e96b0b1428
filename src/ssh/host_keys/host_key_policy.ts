import type { HostKeyVerifier } from "./host_key.ts";
import type { KnownHostsOptions } from "./known_hosts/known_hosts_options.ts";

/**
 * How a server's host key is verified: against known_hosts, or by a callback. Nothing skips the check but `"insecure-accept-any"`, with
 * which anyone on the way to the server can pose as it.
 *
 * @example A server whose fingerprint is known
 * ```ts
 * import type { HostKeyPolicy } from "@x2go/rforward";
 *
 * const hostKeys: HostKeyPolicy = (key) =>
 *   key.fingerprint === "SHA256:uNiVztksCsDhcc0u9e8BrlQXsWCn94gG9CQgOdXOFQI";
 * ```
 */
export type HostKeyPolicy =
  | KnownHostsOptions
  | HostKeyVerifier
  | "insecure-accept-any";
