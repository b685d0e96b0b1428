import { ProtocolError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import {
  signatureAlgorithms,
  verifySignature,
} from "../keys/public/verify_signature.ts";
import { WireReader, WireWriter } from "../wire.ts";
import { fingerprint, isSameKey, keyType } from "../keys/public/key_blob.ts";
import {
  appendKnownHost,
  hashName,
  type KnownHostsLine,
  namesHost,
  parseKnownHosts,
  readIfPresent,
} from "./known_hosts/known_hosts_file.ts";
import type { HostKeyUpdateVerifier } from "./host_key.ts";
import { removeKnownHosts } from "./known_hosts/remove_known_hosts.ts";

/** The request with which a server shows all its keys (OpenSSH PROTOCOL section 2.5). */
export const HOST_KEYS_REQUEST = "hostkeys-00@openssh.com";
/** The request to prove that it has some of them. */
export const PROVE_REQUEST = "hostkeys-prove-00@openssh.com";

/** More keys than any server has. */
const MAX_KEYS = 64;

/** How a server proves that it has keys. */
export interface HostKeyProof {
  /** The host key algorithms that may be used: as in ssh, other keys are ignored. */
  readonly algorithms: readonly string[];
  /** The session identifier, which the server signs. */
  readonly sessionId: Uint8Array;
  /** Sends {@linkcode PROVE_REQUEST} with its data; gives the data of the answer, undefined if it is a refusal. */
  readonly prove: (data: Uint8Array) => Promise<Uint8Array | undefined>;
  /** Aborts when the connection ends. */
  readonly signal: AbortSignal;
}

/** What an update needs to know. */
export interface HostKeyUpdateOptions extends HostKeyProof {
  /** How known_hosts names the host. */
  readonly name: string;
  /** The files to update: new keys go to the first, keys that the server no longer has are removed from all. */
  readonly files: readonly string[];
  /** Whether to hash the host's name. */
  readonly hashed: boolean;
  /** Decides about the changes; without it they are made. */
  readonly acceptUpdate?: HostKeyUpdateVerifier | undefined;
  readonly logger: Logger;
}

/**
 * Learns a server's further host keys, and forgets those that it no longer has
 * (OpenSSH: `UpdateHostKeys`), as `ssh` does: the key that it has shown must be
 * trusted, it proves that it has the others, and nothing happens where lines
 * for the host have a marker or pattern, or one of the keys is known by
 * another name.
 *
 * @param shown The data of the server's {@linkcode HOST_KEYS_REQUEST}.
 * @throws {ProtocolError} if a message of the server's, or a proof, is not valid.
 * @throws what writing a file throws.
 */
export async function updateHostKeys(
  shown: Uint8Array,
  options: HostKeyUpdateOptions,
): Promise<void> {
  const { name, files, hashed, logger } = options;
  const keys = readKeys(shown, options.algorithms);
  if (keys.length === 0) return;
  const lines = (await Promise.all(
    files.map(async (file) =>
      parseKnownHosts(await readIfPresent(file) ?? "", file, logger)
    ),
  )).flat();
  const own = lines.filter(({ hosts }) => namesHost(hosts, name));
  const others = lines.filter((line) => !own.includes(line));

  const isIn = (keys: readonly Uint8Array[]) => (line: KnownHostsLine) =>
    keys.some((key) => isSameKey(line.data, key));
  const learned = keys.filter((key) => !own.some(isIn([key])));
  const deprecated = own.filter((line) => !isIn(keys)(line));
  const done = () => {
    logger.debug(`The known keys of ${name} are up to date`);
  };
  if (learned.length === 0 && deprecated.length === 0) return done();
  const obstacle = own.some(isComplex)
    ? "its lines have markers, patterns or several names"
    : others.some(isIn([...keys, ...deprecated.map(({ data }) => data)]))
    ? "a key is known by another name, too"
    : undefined;
  if (obstacle !== undefined) {
    logger.debug(`The known keys of ${name} are not updated: ${obstacle}`);
    return;
  }

  if (learned.length > 0 && !await proves(learned, options)) return;
  const isAccepted = await options.acceptUpdate?.({
    host: name,
    learned: learned.map((data) => ({
      type: keyType(data)!,
      fingerprint: fingerprint(data),
    })),
    forgotten: deprecated.map(({ type, data }) => ({
      type,
      fingerprint: fingerprint(data),
    })),
  }, options.signal) ?? true;
  if (isAccepted !== true) {
    logger.debug(`The known keys of ${name} are not updated: not accepted`);
    return;
  }
  const [first] = files;
  for (const data of first === undefined ? [] : learned) {
    const type = keyType(data)!;
    await appendKnownHost(first!, hashed ? hashName(name) : name, {
      type,
      data,
    });
    logger.info(
      `Learned a new host key of ${name}: ${type} ${fingerprint(data)}`,
    );
  }
  for (const { type, data } of await removeKnownHosts(deprecated)) {
    logger.info(
      `Forgot an obsolete host key of ${name}: ${type} ${fingerprint(data)}`,
    );
  }
  done();
}

/** @returns the keys that could be used, certificates left out. */
function readKeys(
  shown: Uint8Array,
  algorithms: readonly string[],
): Uint8Array[] {
  const types = algorithms.map((name) => signatureAlgorithms[name]?.keyType);
  const reader = new WireReader(new Uint8Array(shown));
  const keys: Uint8Array[] = [];
  while (reader.left > 0) {
    const key = reader.string();
    if (keys.some((known) => isSameKey(known, key))) {
      throw new ProtocolError("the server shows a host key twice");
    }
    const type = keyType(key);
    if (type !== undefined && types.some((it) => it === type)) keys.push(key);
    if (keys.length > MAX_KEYS) {
      throw new ProtocolError(
        `the server shows more than ${MAX_KEYS} host keys`,
      );
    }
  }
  return keys;
}

/** Whether a line was not written by ssh, and so is left to the user. */
function isComplex({ marker, hosts }: KnownHostsLine): boolean {
  return marker !== undefined || /[*?!]|,.*,/.test(hosts);
}

/** Asks the server to sign with each of the keys. */
async function proves(
  keys: readonly Uint8Array[],
  { name, sessionId, prove, logger }: HostKeyUpdateOptions,
): Promise<boolean> {
  const request = new WireWriter();
  for (const key of keys) request.string(key);
  const proofs = await prove(request.bytes());
  if (proofs === undefined) {
    logger.warn(`${name} does not prove that it has the host keys it shows`);
    return false;
  }
  const reader = new WireReader(new Uint8Array(proofs));
  for (const key of keys) {
    const signature = reader.string();
    const signed = new WireWriter().string(PROVE_REQUEST).string(sessionId)
      .string(key).bytes();
    // RSA keys have more than one algorithm, and SHA-1 is not among those that can be verified.
    const algorithm = new WireReader(signature).text();
    await verifySignature(algorithm, key, signed, signature);
  }
  reader.end();
  return true;
}
