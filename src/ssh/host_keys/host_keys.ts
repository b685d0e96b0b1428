/**
 * Whether the key that an SSH server shows is the server's own.
 *
 * @module
 */

import { ConnectError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import {
  type Certificate,
  isCertificateType,
  parseCertificate,
} from "../keys/public/certificate.ts";
import type { HostKey } from "./host_key.ts";
import { fingerprint, isSameKey, keyType } from "../keys/public/key_blob.ts";
import { parsePublicKey, rsaBits } from "../keys/public/public_key.ts";
import type { HostKeyPolicy } from "./host_key_policy.ts";
import { smallKeyError } from "./host_key_errors.ts";
import { askVerifier } from "./host_key_verifier.ts";
import type { HostKeyProof } from "./host_key_update.ts";
import { type KnownHost, lookUpKnownHost } from "./known_hosts/known_hosts.ts";

/** A policy made ready for one connection. */
export interface HostKeyCheck {
  /** The types of the keys that are known for the host, and the algorithms of certificates if an authority is. */
  readonly keyTypes: readonly string[];
  /**
   * Decides about the key that the server showed. Every key re-exchange shows
   * it anew; once accepted, it is accepted again without asking.
   *
   * @param data The key or certificate as it came over the wire (RFC 4253 section 6.6).
   * @returns the key that was accepted, without its certificate.
   * @throws {HostKeyError} if it is not accepted.
   * @throws {ConnectError} if it cannot be parsed.
   * @throws {RForwardError} if it was to be remembered and cannot be.
   */
  verify(data: Uint8Array): Promise<HostKey>;
  /**
   * Learns the server's further keys, if the policy and the key that was
   * accepted allow it.
   *
   * @param shown The data of the server's request that shows them.
   * @throws {ProtocolError} if the server's messages or proofs are not valid.
   */
  update(shown: Uint8Array, proof: HostKeyProof): Promise<void>;
}

/** The fewest bits of an RSA key that are accepted by default. */
const MIN_RSA_BITS = 2048;

/** What applies to keys whatever the policy. */
export interface HostKeyRules {
  /** The fewest bits that an RSA key may have. @default {2048} */
  minRsaBits?: number | undefined;
}

/**
 * Reads what a policy needs, before a connection is made.
 *
 * @param policy How to verify; by default against the usual known_hosts files.
 * @param host The host as the user named it.
 * @param signal Stops reading.
 * @param isDirect Whether the host is reached from here, not through something else.
 * @throws {ArgumentError} if a known_hosts file cannot be read.
 * @throws {RForwardError} `permission-denied`, and what to permit.
 */
export async function prepareHostKeys(
  policy: HostKeyPolicy | undefined,
  host: string,
  port: number,
  logger: Logger,
  signal?: AbortSignal,
  isDirect = true,
  { minRsaBits = MIN_RSA_BITS }: HostKeyRules = {},
): Promise<HostKeyCheck> {
  let known: KnownHost;
  if (typeof policy === "function") {
    known = knowing((key) => askVerifier(policy, key));
  } else if (policy === "insecure-accept-any") {
    known = knowing((key) => acceptAny(key, logger));
  } else {
    known = await lookUpKnownHost(
      ...[
        policy ?? {},
        host,
        port,
        logger,
        signal,
        isDirect,
        minRsaBits,
      ] as const,
    );
  }

  let accepted: { data: Uint8Array; key: HostKey } | undefined;
  return {
    keyTypes: known.keyTypes,
    async verify(data) {
      if (accepted !== undefined && isSameKey(accepted.data, data)) {
        return accepted.key;
      }
      const { key, certificate } = readKey(host, port, data);
      checkRsaSize(key, minRsaBits);
      await known.check(key, certificate);
      accepted = { data: new Uint8Array(data), key };
      return key;
    },
    update: async (shown, proof) => await known.update?.(shown, proof),
  };
}

/** @throws {HostKeyError} if the key is an RSA key of too few bits. */
function checkRsaSize(key: HostKey, minRsaBits: number): void {
  if (key.type !== "ssh-rsa") return;
  const parsed = parsePublicKey(key.data);
  if (!("n" in parsed) || rsaBits(parsed) >= minRsaBits) return;
  throw smallKeyError(key, rsaBits(parsed), minRsaBits);
}

/** A policy that goes by the key alone. */
function knowing(check: (key: HostKey) => Promise<void>): KnownHost {
  return { keyTypes: [], check };
}

/**
 * Moves the host key algorithms whose keys are known to the front, and keeps the order
 * otherwise: a server with several keys then shows one that can be verified.
 * `ssh` goes about it in the same way.
 *
 * @param algorithms The algorithms by preference.
 * @param keyTypes {@linkcode HostKeyCheck.keyTypes}
 */
export function preferKnownKeys(
  algorithms: readonly string[],
  keyTypes: readonly string[],
): string[] {
  // RFC 8332 section 3: an RSA key's type stays ssh-rsa with every algorithm.
  const isKnown = (algorithm: string) =>
    keyTypes.includes(
      /^rsa-sha2-\d+$/.test(algorithm) ? "ssh-rsa" : algorithm,
    );
  return [
    ...algorithms.filter(isKnown),
    ...algorithms.filter((algorithm) => !isKnown(algorithm)),
  ];
}

function readKey(
  hostname: string,
  port: number,
  data: Uint8Array,
): { key: HostKey; certificate: Certificate | undefined } {
  const type = keyType(data);
  if (type === undefined) {
    throw protocolError(
      "it does not begin with a key type (RFC 4253 section 6.6)",
    );
  }
  let certificate: Certificate | undefined;
  if (isCertificateType(type)) {
    try {
      certificate = parseCertificate(data);
    } catch (cause) {
      throw protocolError((cause as Error).message, { cause });
    }
  }
  const key = certificate?.key ?? new Uint8Array(data);
  return {
    key: {
      hostname,
      port,
      type: certificate?.keyType ?? type,
      fingerprint: fingerprint(key),
      data: key,
    },
    certificate,
  };

  function protocolError(why: string, options?: ErrorOptions): ConnectError {
    return new ConnectError(
      "protocol-error",
      { hostname, port },
      `${hostname} port ${port} sent an invalid host key: ${why}`,
      options,
    );
  }
}

function acceptAny(key: HostKey, logger: Logger): Promise<void> {
  logger.warn(
    `Accepting the ${key.type} key ${key.fingerprint} of ${key.hostname} port ${key.port} without verification`,
  );
  return Promise.resolve();
}
