import { readVariable } from "../../environment.ts";
import { ArgumentError, RForwardError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { type Certificate, certificateType } from "../keys/certificate.ts";
import { hostCertificateProblem } from "../keys/host_certificate_problem.ts";
import { signatureAlgorithms } from "../keys/verify_signature.ts";
import { printable } from "../printable.ts";
import { fingerprint, type HostKey, isSameKey } from "./host_key.ts";
import {
  changedError,
  placesOf,
  revokedError,
  unknownError,
} from "./host_key_errors.ts";
import { checkText } from "../../validate.ts";
import { askVerifier, type HostKeyVerifier } from "./host_key_verifier.ts";
import {
  appendKnownHost,
  hashName,
  type KnownHostsLine,
  knownHostsName,
  namesHost,
  parseKnownHosts,
  readKnownHosts,
  textSource,
} from "./known_hosts_file.ts";
import { keepUnwritten, unwrittenLines } from "./unwritten_keys.ts";
import { shown } from "../../shown.ts";
import { readRevokedKeys } from "./revoked_keys.ts";

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
   * decides about the
   * key, e.g. by asking the user; it takes its time, and nothing is sent until
   * it has answered. It is not asked about a changed or revoked key, which is
   * never accepted. Default: `false`.
   */
  acceptNew?: boolean | HostKeyVerifier;
  /** Has what is remembered not show the host's name (OpenSSH: `HashKnownHosts`). Default: `false`. */
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
}

/** What known_hosts says of one host. */
export interface KnownHost {
  /** The types of the keys that the host may show, and the algorithms of certificates if an authority is known for it. */
  readonly keyTypes: readonly string[];
  /**
   * Accepts a key, or throws.
   *
   * @param certificate The certificate that the key came in.
   * @throws {HostKeyError} if it is unknown, changed or revoked.
   * @throws {RForwardError} if it was to be remembered and cannot be.
   */
  check(key: HostKey, certificate?: Certificate): Promise<void>;
}

const certificateAlgorithms = Object.keys(signatureAlgorithms)
  .map(certificateType);

/** With one of these in it, a host's name would be more than that in a known_hosts line. */
const notInHostNames = /^$|[\s\p{C},*?!|#@[\]]/u;

/**
 * Reads known_hosts and looks a host up in it.
 *
 * @param signal Stops reading.
 * @param isDirect Whether the host is reached from here, not through something else.
 * @throws {ArgumentError} if a file cannot be read.
 * @throws {RForwardError} `permission-denied`, and what to permit.
 */
export async function lookUpKnownHost(
  options: KnownHostsOptions,
  host: string,
  port: number,
  logger: Logger,
  signal?: AbortSignal,
  isDirect = true,
): Promise<KnownHost> {
  const { alias, acceptNew = false } = options;
  checkName("host", host);
  if (alias !== undefined) checkName("hostKeys.alias", alias);
  const files = options.files ??
    (options.text === undefined ? defaultFiles() : []);
  for (const file of files) checkText("hostKeys.files", file, "path");
  const bareName = knownHostsName(alias ?? host, 22);
  const name = alias === undefined ? knownHostsName(host, port) : bareName;
  const names = [...new Set([name, bareName])];
  const named = await readLines(files, names, options, logger, signal);
  const marked = (marker: KnownHostsLine["marker"]) => {
    const all = named.filter((line) => line.marker === marker);
    const own = all.filter(({ hosts }) => namesHost(hosts, name));
    return { all, own, candidates: own.length > 0 ? own : all };
  };
  const revoked = marked("@revoked").all;
  const { own, candidates } = marked(undefined);
  const authorities = marked("@cert-authority").all;
  const usable = candidates.filter((line) => !revoked.some(holds(line.data)));
  const revokedKeys = await readRevokedKeys(options.revokedKeys ?? []);

  function checkRevoked(key: HostKey, certificate?: Certificate) {
    const found = revokedKeys.find(key.data, certificate);
    if (found !== undefined) throw revokedError(name, key, [found], found.what);
    for (
      const [what, data] of [
        [undefined, key.data],
        ["its certificate's authority", certificate?.authority],
      ] as const
    ) {
      const lines = data === undefined ? [] : revoked.filter(holds(data));
      if (lines.length > 0) throw revokedError(name, key, lines, what);
    }
  }

  /** Why a certificate does not prove the key; undefined if it does. */
  async function certificateProblem(certificate: Certificate) {
    const { authority } = certificate;
    const line = authorities.find(holds(authority));
    if (line === undefined) {
      return `its authority ${fingerprint(authority)} is not known for ${name}`;
    }
    const problem = await hostCertificateProblem(certificate, {
      host: (alias ?? host).toLowerCase(),
      ...options.authorityAlgorithms &&
        { authorityAlgorithms: options.authorityAlgorithms },
    });
    if (problem === undefined) {
      const { file, line: number } = line;
      logger.debug(
        `${name} showed a certificate (${
          printable(certificate.keyId)
        }, serial ${certificate.serial}) of the authority of ${file}:${number}`,
      );
    }
    return problem;
  }

  return {
    keyTypes: [
      ...authorities.length > 0 ? certificateAlgorithms : [],
      ...new Set(usable.map((line) => line.type)),
    ],
    async check(key, certificate) {
      checkRevoked(key, certificate);
      const problem = certificate && await certificateProblem(certificate);
      if (certificate !== undefined && problem === undefined) return;
      let note: string | undefined;
      if (problem !== undefined) {
        note = `The certificate that came with it does not count: ${problem}.`;
        logger.info(`${name} showed ${key.fingerprint}. ${note}`);
      } else if (authorities.length > 0) {
        const places = placesOf(authorities);
        note = `No certificate came with it, of the authority at ${places}.`;
      }
      const match = candidates.find(holds(key.data));
      if (match !== undefined) {
        const { file, line } = match;
        logger.debug(`${name} showed the ${key.type} key of ${file}:${line}`);
        return;
      }
      if (own.length > 0) throw changedError(name, key, own, note);
      if (typeof acceptNew === "function") {
        await askVerifier(acceptNew, key);
      } else if (!acceptNew) {
        throw unknownError(name, key, files, note, isDirect);
      }
      const [file] = files;
      const hosts = options.hashed ? hashName(name) : name;
      const isKept = file !== undefined &&
        await remember(file, hosts, key, logger);
      logger.info(
        `${name} is new: accepted its ${key.type} key ${key.fingerprint}${
          isKept ? ` and added it to ${file}` : ""
        }`,
      );
    },
  };
}

function checkName(argument: string, name: string): void {
  if (!notInHostNames.test(name)) return;
  throw new ArgumentError(argument, `${shown(name)} is not a valid host name`);
}

function holds(data: Uint8Array): (line: KnownHostsLine) => boolean {
  return (line) => isSameKey(line.data, data);
}

function defaultFiles(): string[] {
  const variable = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";
  let home: string | undefined;
  try {
    home = readVariable(variable);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
    throw new RForwardError(
      "permission-denied",
      `Cannot tell where ~/.ssh/known_hosts is: run with --allow-env=${variable}, or name the known_hosts files`,
      { cause },
    );
  }
  if (home) return [`${home}/.ssh/known_hosts`, "/etc/ssh/ssh_known_hosts"];
  throw new ArgumentError(
    "hostKeys.files",
    `name the known_hosts files: ${variable} is not set, so ~/.ssh/known_hosts cannot be found`,
  );
}

async function readLines(
  files: readonly string[],
  names: readonly string[],
  options: KnownHostsOptions,
  logger: Logger,
  signal?: AbortSignal,
): Promise<KnownHostsLine[]> {
  const { text = "" } = options;
  const isNamed = ({ hosts }: KnownHostsLine) =>
    names.some((name) => namesHost(hosts, name));
  const lines = [parseKnownHosts(text, textSource, logger).filter(isNamed)];
  for (const [index, file] of files.entries()) {
    let read: KnownHostsLine[] | undefined;
    try {
      read = await readKnownHosts(file, names, logger, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw fileError("read", file, error, `--allow-read=${files.join(",")}`);
    }
    const mayBeMissing = options.files === undefined ||
      (Boolean(options.acceptNew) && index === 0);
    if (read === undefined && !mayBeMissing) {
      throw new ArgumentError(
        "hostKeys.files",
        `${file} does not exist; create it, or leave it out`,
      );
    }
    lines.push(
      read ?? [],
      parseKnownHosts(unwrittenLines(file), file, logger).filter(isNamed),
    );
  }
  return lines.flat();
}

/**
 * Adds a key to a known_hosts file. As in ssh, one that cannot be written is no
 * reason to end: the key is remembered by this process.
 *
 * @returns whether it is in the file.
 * @throws {RForwardError} `permission-denied` if Deno does not allow it.
 */
async function remember(
  file: string,
  hosts: string,
  key: HostKey,
  logger: Logger,
): Promise<boolean> {
  try {
    await appendKnownHost(file, hosts, key);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) {
      throw fileError("write", file, cause);
    }
    logger.warn(
      `Cannot write the known_hosts file ${file}: ${
        (cause as Error).message
      }; the new key is remembered until this process ends`,
    );
    keepUnwritten(file, `${hosts} ${key.type} ${key.data.toBase64()}`);
    return false;
  }
}

function fileError(
  action: "read" | "write",
  file: string,
  cause: unknown,
  permission?: string,
): RForwardError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  let message = `Cannot ${action} the known_hosts file ${file}: ${reason}`;
  if (cause instanceof Deno.errors.NotCapable) {
    if (permission !== undefined) message += ` (all in all: ${permission})`;
    return new RForwardError("permission-denied", message, { cause });
  }
  return cause instanceof Deno.errors.PermissionDenied
    ? new RForwardError("permission-denied", message, { cause })
    : new ArgumentError("hostKeys.files", message, { cause });
}
