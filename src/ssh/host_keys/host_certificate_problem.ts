import { RForwardError } from "../../errors.ts";
import { printable } from "../../text/printable.ts";
import type { Certificate } from "../keys/public/certificate.ts";
import {
  signatureAlgorithms,
  type VerifyOptions,
  verifySignature,
} from "../keys/public/verify_signature.ts";

/** What a host's certificate has to be for. */
export interface HostCertificateRules extends VerifyOptions {
  /** The name that has to be among its principals, in lower case: the host's, or its alias (`HostKeyAlias`). */
  host: string;
  /** The time to judge by, in milliseconds since 1970. @default {Date.now()} */
  now?: number;
  /** With what an authority may have signed (OpenSSH: `CASignatureAlgorithms`). By default all but SHA-1. */
  authorityAlgorithms?: readonly string[];
}

/**
 * Why a certificate does not prove that a key is a host's; undefined if it
 * does. Whether its authority is trusted for the host, and whether it or the
 * key is revoked, is not decided here.
 *
 * The rules are those of `ssh` (measured with OpenSSH 9.2 and
 * 10.0): principals are names, not patterns, and none stands for every host;
 * no critical option is known for hosts. RSA authorities must have as many bits
 * as other RSA keys, of which `ssh` asks 1024.
 */
export async function hostCertificateProblem(
  certificate: Certificate,
  rules: HostCertificateRules,
): Promise<string | undefined> {
  const { host, now = Date.now() } = rules;
  const { role, principals, validAfter, validBefore } = certificate;
  const { signatureAlgorithm, criticalOptions } = certificate;
  const seconds = BigInt(Math.floor(now / 1000));

  const allowed = rules.authorityAlgorithms ?? Object.keys(signatureAlgorithms);
  if (!allowed.includes(signatureAlgorithm)) {
    return `its authority signed it with ${
      printable(signatureAlgorithm)
    }, which is not allowed`;
  }
  const signature = await signatureProblem(certificate, rules);
  if (signature !== undefined) return signature;
  if (role !== "host") return "it is for a user, not for a host";
  if (seconds < validAfter) {
    return `it is not valid before ${date(validAfter)}`;
  }
  if (seconds >= validBefore) {
    return `it expired at ${date(validBefore)}`;
  }
  if (principals.length > 0 && !principals.includes(host)) {
    return `it is for ${list(principals)}, not for ${host}`;
  }
  if (criticalOptions.size > 0) {
    return `it has critical options that are not known: ${
      list([...criticalOptions.keys()])
    }`;
  }
  return undefined;
}

async function signatureProblem(
  { signatureAlgorithm, authority, signed, signature }: Certificate,
  options: VerifyOptions,
): Promise<string | undefined> {
  try {
    await verifySignature(
      signatureAlgorithm,
      authority,
      signed,
      signature,
      options,
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof RForwardError)) throw error;
    return `its authority's signature is not accepted: ${error.message}`;
  }
}

function date(seconds: bigint): string {
  const milliseconds = 1000 * Number(seconds);
  // Beyond what dates can be, in the year 275760.
  return milliseconds > 8.64e15
    ? "the end of time"
    : new Date(milliseconds).toISOString();
}

/** Names from a certificate, made fit for a message. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => printable(name).slice(0, 256));
  return [...shown, ...names.length > 8 ? ["…"] : []].join(", ");
}
