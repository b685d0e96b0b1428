/**
 * The known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): reading,
 * matching and appending. What follows from a match is decided in
 * `known_hosts.ts`.
 *
 * @module
 */

import { dirname } from "node:path";
import type { HostKeyLocation } from "../../../errors.ts";
import type { Logger } from "../../../logger.ts";
import { readTextFile } from "../../../text/read_file.ts";
import { readLines } from "../../../text/read_lines.ts";
import { keyType } from "../../keys/public/key_blob.ts";
import { hmacSha1 } from "./hmac_sha1.ts";

/** What stands for the file where lines are given as text. */
export const textSource = "(text)";

/** Marks a line whose key is not the host's own. */
export type KnownHostsMarker = "@revoked" | "@cert-authority";

/** `|1|salt|hash`: 20 bytes of salt, and the HMAC-SHA1 under it of one host name. */
const hashedHost = /^\|1\|([A-Za-z0-9+/]{27}=)\|([A-Za-z0-9+/]{27}=)$/;

/** One line that holds a key. */
export interface KnownHostsLine extends HostKeyLocation {
  /** The marker, if the line has one. */
  marker: KnownHostsMarker | undefined;
  /** Whose key it is, as written: patterns between commas, or one hash. */
  hosts: string;
  /** The key's type, e.g. `ssh-ed25519`. */
  type: string;
  /** The key as it goes over the wire (RFC 4253 section 6.6). */
  data: Uint8Array;
}

/** How many characters a line may have; one that has more is skipped. */
const MAX_LINE = 1024 * 1024;

/**
 * Reads known_hosts lines. Lines that cannot be parsed are skipped with one
 * warning, as a bad line must not invalidate the good ones.
 *
 * @param file Where the lines come from, for messages.
 */
export function parseKnownHosts(
  text: string,
  file: string,
  logger: Logger,
): KnownHostsLine[] {
  const parser = new KnownHostsParser(file);
  for (const row of text.split("\n")) parser.add(row);
  return parser.finish(logger);
}

/**
 * Reads the lines of a file that name a host, as {@linkcode parseKnownHosts}
 * does. The file may be large: it is read as a stream, and of other lines
 * nothing is kept. As in ssh, the keys in those are not looked at.
 *
 * @param names The host's names, as {@linkcode knownHostsName} returns them.
 * @param signal Stops reading.
 * @returns undefined if there is no such file.
 */
export async function readKnownHosts(
  file: string,
  names: readonly string[],
  logger: Logger,
  signal?: AbortSignal,
): Promise<KnownHostsLine[] | undefined> {
  const parser = new KnownHostsParser(file, names);
  try {
    for await (const rows of readLines(file, MAX_LINE)) {
      signal?.throwIfAborted();
      for (const row of rows) parser.add(row);
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return parser.finish(logger);
}

/** Receives the lines of a file one by one. */
class KnownHostsParser {
  readonly #file: string;
  readonly #names: readonly string[] | undefined;
  readonly #lines: KnownHostsLine[] = [];
  #line = 0;
  #firstBad = 0;
  #bad = 0;

  /** @param names The names that lines are kept for; all lines by default. */
  constructor(file: string, names?: readonly string[]) {
    this.#file = file;
    this.#names = names;
  }

  /** @param row A line; undefined for one that is too long. */
  add(row: string | undefined): void {
    const line = ++this.#line;
    const content = row?.trim();
    if (content === "" || content?.startsWith("#")) return;
    const fields = content && splitFields(content);
    if (!fields) {
      if (this.#bad++ === 0) this.#firstBad = line;
      return;
    }
    const { hosts } = fields;
    if (this.#names?.some((name) => namesHost(hosts, name)) === false) return;
    const data = decodeKey(fields);
    if (data) {
      const { marker, type } = fields;
      this.#lines.push({ file: this.#file, line, marker, hosts, type, data });
    } else if (this.#bad++ === 0) {
      this.#firstBad = line;
    }
  }

  /** @returns the lines that were kept. */
  finish(logger: Logger): KnownHostsLine[] {
    if (this.#bad > 0) {
      const more = this.#bad === 1 ? "" : ` (${this.#bad - 1} more like it)`;
      logger.warn(
        `${this.#file}:${this.#firstBad}: skipped, not a known_hosts line${more}`,
      );
    }
    return this.#lines;
  }
}

/** The fields of a line, its key not yet decoded. */
interface Fields extends Pick<KnownHostsLine, "marker" | "hosts" | "type"> {
  base64: string;
}

function splitFields(content: string): Fields | undefined {
  const fields = content.split(/[ \t]+/, 4);
  const [first] = fields;
  const marker = first === "@revoked" || first === "@cert-authority"
    ? first
    : undefined;
  const [hosts, type, base64] = marker ? fields.slice(1) : fields;
  if (hosts === undefined || type === undefined || base64 === undefined) return;
  if (hosts.startsWith("@")) return; // a marker that is unknown, or a second one
  if (hosts.startsWith("|") && !hashedHost.test(hosts)) return;
  // All keys begin with the length of a short name: three zero bytes.
  if (!base64.startsWith("AAAA")) return;
  return { marker, hosts, type, base64 };
}

function decodeKey({ type, base64 }: Fields): Uint8Array | undefined {
  const data = decodeBase64(base64);
  return data && keyType(data) === type ? data : undefined;
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

/** How known_hosts names a host: with its port, unless that is 22. */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/**
 * Whether a line's host field names a host. Only a whole name matches: the
 * patterns do not know `[`, `]` and `:` from other characters.
 *
 * @param hosts {@linkcode KnownHostsLine.hosts}
 * @param name What {@linkcode knownHostsName} returned.
 */
export function namesHost(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) {
    const [, salt, hash] = hashedHost.exec(hosts) ?? [];
    return salt !== undefined &&
      hmacSha1(Uint8Array.fromBase64(salt), encode(name)).toBase64() === hash;
  }
  let matched = false;
  for (const pattern of hosts.toLowerCase().split(",")) {
    const negated = pattern.startsWith("!");
    if (!globMatches(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

const encoder = new TextEncoder();

function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * A host field that does not show the name it is for.
 *
 * @param name What {@linkcode knownHostsName} returned.
 */
export function hashName(
  name: string,
  salt: Uint8Array = crypto.getRandomValues(new Uint8Array(20)),
): string {
  const hash = hmacSha1(salt, encode(name));
  return `|1|${salt.toBase64()}|${hash.toBase64()}`;
}

/** `*` is any run of characters, `?` any one. Never backtracks past the last `*`. */
function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let starEnd = 0;
  while (t < text.length) {
    if (pattern[p] === "*") {
      star = p++;
      starEnd = t;
    } else if (pattern[p] === "?" || pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++starEnd;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/**
 * Adds a line to a known_hosts file, which is created (mode 0600, its
 * directory 0700) if it is missing.
 *
 * @param hosts The host field: what {@linkcode knownHostsName} or
 * {@linkcode hashName} returned.
 */
export async function appendKnownHost(
  file: string,
  hosts: string,
  key: { type: string; data: Uint8Array },
): Promise<void> {
  // ssh itself appends to an unfinished last line, which spoils both.
  const lineBreak = await endsInLine(file) ? "\n" : "";
  const line = `${lineBreak}${hosts} ${key.type} ${key.data.toBase64()}\n`;
  const append = async () => {
    // Not writeTextFile(), which would change the mode of a file that is there,
    // say of /dev/null.
    using open = await Deno.open(file, {
      append: true,
      create: true,
      mode: 0o600,
    });
    await writeWhole(open, new TextEncoder().encode(line));
  };
  try {
    await append();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await append();
  }
}

/** Appends all of the bytes, or none if the disk is full. */
async function writeWhole(
  file: Deno.FsFile,
  bytes: Uint8Array,
): Promise<void> {
  const { size: before, isFile } = await file.stat();
  let done = 0;
  try {
    while (done < bytes.length) {
      done += await file.write(bytes.subarray(done));
    }
  } catch (error) {
    // Unless another process has appended a line since.
    const { size } = await file.stat();
    if (isFile && size === before + done) await file.truncate(before);
    throw error;
  }
}

/** Whether a file ends without a line break. */
async function endsInLine(file: string): Promise<boolean> {
  try {
    using open = await Deno.open(file);
    const { size } = await open.stat();
    if (size === 0) return false; // also if it is not a regular file
    await open.seek(-1, Deno.SeekMode.End);
    const last = new Uint8Array(1);
    await open.read(last);
    return last[0] !== 0x0a;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** The whole text of a file; undefined if there is no such file. */
export async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readTextFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
