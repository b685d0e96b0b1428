import { defined } from "../../../defined.ts";
import { throwIfNotPermitted } from "../../../permissions.ts";
import { readVariable } from "../../../environment.ts";
import { ArgumentError, RForwardError } from "../../../errors.ts";
import type { Logger } from "../../../logger.ts";
import {
  type Certificate,
  certificateType,
} from "../../keys/public/certificate.ts";
import { hostCertificateProblem } from "../host_certificate_problem.ts";
import { signatureAlgorithms } from "../../keys/public/verify_signature.ts";
import { printable } from "../../../text/printable.ts";
import type { HostKey } from "../host_key.ts";
import { fingerprint, isSameKey } from "../../keys/public/key_blob.ts";
import {
  changedError,
  placesOf,
  revokedError,
  unknownError,
} from "../host_key_errors.ts";
import { checkText } from "../../../validate.ts";
import { askVerifier } from "../host_key_verifier.ts";
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
import { shown } from "../../../text/shown.ts";
import { type HostKeyProof, updateHostKeys } from "../host_key_update.ts";
import type { KnownHostsOptions } from "./known_hosts_options.ts";
import { readRevokedKeys } from "../revoked_keys.ts";

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
  /**
   * Learns the server's further keys, if the one that was checked allows it.
   *
   * @param shown The data of the server's request that shows them.
   * @throws as {@linkcode updateHostKeys} does.
   */
  update?(shown: Uint8Array, proof: HostKeyProof): Promise<void>;
}

const certificateAlgorithms = Object.keys(signatureAlgorithms)
  .map(certificateType);

/** Characters with a meaning of their own in the host field of known_hosts. */
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
  minRsaBits?: number,
): Promise<KnownHost> {
  const { alias, acceptNew = false } = options;
  checkName("hostname", host);
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
    const { authorityAlgorithms } = options;
    const problem = await hostCertificateProblem(
      certificate,
      defined({
        host: (alias ?? host).toLowerCase(),
        minRsaBits,
        authorityAlgorithms,
      }),
    );
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

  const { updateFiles = [], acceptUpdate, hashed = false } = options;
  let mayUpdate = false;
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
        note =
          `The certificate that came with it was not accepted: ${problem}.`;
        logger.info(`${name} showed ${key.fingerprint}. ${note}`);
      } else if (authorities.length > 0) {
        const places = placesOf(authorities);
        note = `No certificate came with it, of the authority at ${places}.`;
      }
      const match = candidates.find(holds(key.data));
      if (match !== undefined) {
        const { file, line } = match;
        mayUpdate = updateFiles.includes(file);
        logger.debug(`${name} showed the ${key.type} key of ${file}:${line}`);
        return;
      }
      if (own.length > 0) throw changedError(name, key, own, note);
      if (typeof acceptNew === "function") {
        await askVerifier(acceptNew, key);
        mayUpdate = true;
      } else if (!acceptNew) {
        throw unknownError(name, key, files, note, isDirect);
      }
      const [file] = files;
      const hosts = hashed ? hashName(name) : name;
      const isKept = file !== undefined &&
        await remember(file, hosts, key, logger);
      logger.info(
        `${name} is new: accepted its ${key.type} key ${key.fingerprint}${
          isKept ? ` and added it to ${file}` : ""
        }`,
      );
    },
    async update(shown, proof) {
      if (!mayUpdate || !await mayWrite(updateFiles)) return;
      await updateHostKeys(shown, {
        ...proof,
        ...{ name, files: updateFiles, hashed, acceptUpdate, logger },
      });
    },
  };
}

/** Do not prompt for permission in the middle of a session. */
async function mayWrite(files: readonly string[]): Promise<boolean> {
  for (const path of files) {
    const { state } = await Deno.permissions.query({ name: "write", path });
    if (state !== "granted") return false;
  }
  return files.length > 0;
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
    throwIfNotPermitted(
      cause,
      "find ~/.ssh/known_hosts",
      `--allow-env=${variable}, or name the known_hosts files`,
    );
    throw cause;
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
      throwIfNotPermitted(
        error,
        `read the known_hosts file ${file}`,
        `--allow-read=${files.join(",")}`,
      );
      throw unreadable(file, error);
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
    const why = `Cannot write the known_hosts file ${file}: ${
      (cause as Error).message
    }`;
    // Deno names the path that it does not allow: the file, or its directory.
    if (cause instanceof Deno.errors.NotCapable) {
      throw new RForwardError("permission-denied", why, { cause });
    }
    logger.warn(`${why}; the new key is remembered until this process ends`);
    keepUnwritten(file, `${hosts} ${key.type} ${key.data.toBase64()}`);
    return false;
  }
}

function unreadable(file: string, cause: unknown): RForwardError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `Cannot read the known_hosts file ${file}: ${reason}`;
  return cause instanceof Deno.errors.PermissionDenied
    ? new RForwardError("permission-denied", message, { cause })
    : new ArgumentError("hostKeys.files", message, { cause });
}
