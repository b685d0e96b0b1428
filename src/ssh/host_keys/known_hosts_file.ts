/**
 * The known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): reading,
 * matching and appending. What follows from a match is decided in
 * `known_hosts.ts`.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { dirname } from "node:path";
import type { HostKeyLocation } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { keyType } from "./host_key.ts";

/** What stands for the file where lines are given as text. */
export const textSource = "(text)";

/** Says that a line's key is not the host's own. */
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

/**
 * Reads known_hosts lines. What is no such line is skipped and logged, as one
 * bad line must not take away the good ones.
 *
 * @param file What the lines are said to come from.
 */
export function parseKnownHosts(
  text: string,
  file: string,
  logger: Logger,
): KnownHostsLine[] {
  return text.split("\n").flatMap((raw, index) => {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) return [];
    const line = index + 1;
    const entry = parseEntry(content);
    if (entry !== undefined) return [{ file, line, ...entry }];
    logger.warn(`${file}:${line}: skipped, not a known_hosts line`);
    return [];
  });
}

function parseEntry(
  content: string,
): Omit<KnownHostsLine, keyof HostKeyLocation> | undefined {
  const fields = content.split(/[ \t]+/);
  const [first] = fields;
  const marker = first === "@revoked" || first === "@cert-authority"
    ? first
    : undefined;
  const [hosts, type, base64] = marker ? fields.slice(1) : fields;
  if (hosts === undefined || type === undefined || base64 === undefined) return;
  if (hosts.startsWith("@")) return; // a marker that is unknown, or a second one
  if (hosts.startsWith("|") && !hashedHost.test(hosts)) return;
  const data = decodeBase64(base64);
  if (data === undefined || keyType(data) !== type) return;
  return { marker, hosts, type, data };
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
  const [, salt] = hashedHost.exec(hosts) ?? [];
  if (salt !== undefined) {
    return hashName(name, Uint8Array.fromBase64(salt)) === hosts;
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

/**
 * A host field that does not show the name it is for.
 *
 * @param name What {@linkcode knownHostsName} returned.
 */
export function hashName(
  name: string,
  salt: Uint8Array = crypto.getRandomValues(new Uint8Array(20)),
): string {
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${salt.toBase64()}|${hash}`;
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
  const present = await readIfPresent(file) ?? "";
  // ssh itself appends to an unfinished last line, which spoils both.
  const lineBreak = present === "" || present.endsWith("\n") ? "" : "\n";
  const line = `${lineBreak}${hosts} ${key.type} ${key.data.toBase64()}\n`;
  const append = async () => {
    // Not writeTextFile(), which would change the mode of a file that is there,
    // say of /dev/null.
    using open = await Deno.open(file, {
      append: true,
      create: true,
      mode: 0o600,
    });
    const bytes = new TextEncoder().encode(line);
    for (let done = 0; done < bytes.length;) {
      done += await open.write(bytes.subarray(done));
    }
  };
  try {
    await append();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await append();
  }
}

/** A file's text, or undefined if there is no such file. */
export async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
