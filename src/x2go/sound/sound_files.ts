/** What tells a session's programs where sound is, and the cookie for it: files on the server. @module */

import { quote } from "../../quote.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import { X2GoError } from "../errors.ts";
import { runScript, type Script } from "../run_script.ts";
import type { SessionAccess } from "../share.ts";
import type { ReadySession } from "../session_info.ts";

const PULSE_CONFIG = ".pulse-client.conf";

/**
 * Tells programs that use PulseAudio. libpulse reads its configuration whenever
 * a program connects, so the files are replaced as a whole, and nobody but the
 * user can read the cookie from its first byte on. `autospawn=no`: it must not
 * start a sound server over there.
 *
 * @param port Where the session's programs find sound on the server.
 * @param cookie What they have to present.
 * @returns their environment.
 */
export async function writePulseFiles(
  { connection, session }: SessionAccess,
  port: number,
  cookie: Uint8Array,
): Promise<Record<string, string>> {
  const directory = await run(connection, session, cookie, [
    `cd ${sessionDirectory(session)}`,
    "cat > .pulse-cookie.part",
    "mv -f .pulse-cookie.part .pulse-cookie",
    `printf "%s\\n" default-server=127.0.0.1:${port} "cookie-file=$PWD/.pulse-cookie" autospawn=no > ${PULSE_CONFIG}.part`,
    `mv -f ${PULSE_CONFIG}.part ${PULSE_CONFIG}`,
    'printf "%s\\n" "$PWD"',
  ]);
  if (!/^\/\P{Cc}*$/u.test(directory)) throw notUnderstood(session);
  return { PULSE_CLIENTCONFIG: `${directory}/${PULSE_CONFIG}` };
}

/** Who has told the session's programs last where sound is. */
export type Sharer = "us" | "another" | "nobody";

/**
 * Who has told programs that use PulseAudio last where sound is.
 *
 * @param cookie The one that {@linkcode writePulseFiles} writes for us.
 */
export async function findSharer(
  { connection, session }: SessionAccess,
  cookie: Uint8Array,
): Promise<Sharer> {
  const said = await run(connection, session, cookie, [
    `cd ${sessionDirectory(session)}`,
    `if cmp -s - .pulse-cookie; then echo us; elif grep -q ":${session.soundPort}$" ${PULSE_CONFIG} 2>/dev/null; then echo another; fi`,
  ]);
  return said === "us" || said === "another" ? said : "nobody";
}

/**
 * Agrees on a cookie with the programs that use esd. They look for it in the
 * user's home directory and nowhere else, so all sessions of the user share it:
 * one that is there stays, unless others could have read it.
 *
 * @param cookie The cookie, if there is none yet.
 * @returns the cookie that programs present.
 */
export async function agreeOnEsdCookie(
  { connection, session }: SessionAccess,
  cookie: Uint8Array,
): Promise<Uint8Array> {
  const file = ".esd_auth";
  const part = `${file}.$$`;
  const hex = await run(connection, session, cookie, [
    'cd "$HOME"',
    `{ [ -n "$(find ${file} -prune -type f -perm 600 -size ${cookie.length}c 2>/dev/null)" ] || rm -f ${file}; }`,
    `cat > ${part}`,
    // Whichever of several sessions is first.
    `{ ln ${part} ${file} 2>/dev/null || true; }`,
    `rm -f ${part}`,
    `od -An -v -tx1 ${file} | tr -d " \\n"`,
  ]);
  if (!/^[0-9a-f]+$/.test(hex) || hex.length !== 2 * cookie.length) {
    throw notUnderstood(session);
  }
  return Uint8Array.fromHex(hex);
}

const sessionDirectory = ({ name }: ReadySession) =>
  `"$HOME"/.x2go/${quote(`C-${name}`)}`;

async function run(
  connection: SshConnection,
  session: ReadySession,
  stdin: Uint8Array,
  commands: string[],
): Promise<string> {
  const script: Script = {
    name: SETUP,
    session: session.name,
    text: ["umask 077", ...commands].join(" && "),
    stdin,
  };
  return (await runScript(connection, script)).stdout.trim();
}

const SETUP = "the setup of sound";

function notUnderstood({ name }: ReadySession): X2GoError {
  return new X2GoError(
    "x2go-output",
    `${SETUP} printed what is not understood`,
    name,
  );
}
