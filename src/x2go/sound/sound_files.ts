/** The files on the server that say where a session's programs find sound, and the cookie for it. @module */

import { defined } from "../../defined.ts";
import { quote } from "../../quote.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import { X2GoError } from "../errors.ts";
import {
  runScript,
  type Script,
  type WaitOptions,
} from "../server/run_script.ts";
import type { SessionAccess } from "../session/session_share.ts";
import type { ReadySession } from "../server/session_info.ts";

const PULSE_CONFIG = ".pulse-client.conf";
const PULSE_COOKIE = ".pulse-cookie";

/**
 * Writes the configuration for programs that use PulseAudio. libpulse reads its configuration whenever
 * a program connects, so it is replaced as a whole, and nobody but the user can
 * read the cookie from its first byte on. Its file has a new name each time: no
 * program takes it to a port that an older configuration names, where another
 * user of the server may listen by now. `autospawn=no`: libpulse must not start
 * a sound server over there.
 *
 * @param port Where the session's programs find sound on the server.
 * @param cookie What they have to present.
 * @param id Names these files; one word.
 * @returns their environment.
 */
export async function writePulseFiles(
  { connection, session }: SessionAccess,
  port: number,
  cookie: Uint8Array,
  id: string,
): Promise<Record<string, string>> {
  const file = `${PULSE_COOKIE}.${id}`;
  const directory = await run(connection, session, [
    `cd ${sessionDirectory(session)}`,
    `cat > ${file}`,
    replaceConfig(
      `default-server=127.0.0.1:${port} "cookie-file=$PWD/${file}" autospawn=no`,
    ),
    `for old in ${PULSE_COOKIE}*; do [ "$old" = ${file} ] || rm -f "$old"; done`,
    'printf "%s\\n" "$PWD"',
  ], { stdin: cookie });
  if (!/^\/\P{Cc}*$/u.test(directory)) throw notUnderstood(session);
  return { PULSE_CLIENTCONFIG: `${directory}/${PULSE_CONFIG}` };
}

/**
 * Points programs that use PulseAudio to a socket that does not exist, in a directory that only the user can access, unless another client has changed their configuration since.
 *
 * @param id What {@linkcode writePulseFiles} was given.
 */
export async function withdrawPulseFiles(
  { connection, session }: SessionAccess,
  id: string,
): Promise<void> {
  await run(connection, session, [
    `cd ${sessionDirectory(session)}`,
    `if ${namesCookie(id)}; then ${
      replaceConfig('"default-server=unix:$PWD/.no-sound" autospawn=no')
    } && rm -f ${PULSE_COOKIE}.${id}; fi`,
  ], { timeoutMs: WITHDRAW_MS });
}

/** Waiting longer is not worth it. */
const WITHDRAW_MS = 5000;

/** Who wrote the configuration of the session's programs last. */
export type Sharer = "us" | "another" | "nobody";

/**
 * Who wrote the configuration for PulseAudio last.
 *
 * @param id What {@linkcode writePulseFiles} was given, if it was called.
 */
export async function findSharer(
  { connection, session }: SessionAccess,
  id = "none",
): Promise<Sharer> {
  const said = await run(connection, session, [
    `cd ${sessionDirectory(session)}`,
    `if ${
      namesCookie(id)
    }; then echo us; elif grep -q ":${session.soundPort}$" ${PULSE_CONFIG} 2>/dev/null; then echo another; fi`,
  ]);
  return said === "us" || said === "another" ? said : "nobody";
}

/**
 * Agrees on a cookie with the programs that use esd. They look for it in the
 * user's home directory and nowhere else, so all sessions of the user share it:
 * one that is there stays, unless others could have read it.
 *
 * @param cookie The cookie to store if the file does not exist yet.
 * @returns the cookie that programs present.
 */
export async function agreeOnEsdCookie(
  { connection, session }: SessionAccess,
  cookie: Uint8Array,
): Promise<Uint8Array> {
  const file = ".esd_auth";
  const part = `${file}.$$`;
  const hex = await run(connection, session, [
    'cd "$HOME"',
    `{ [ -n "$(find ${file} -prune -type f -perm 600 -size ${cookie.length}c 2>/dev/null)" ] || rm -f ${file}; }`,
    `cat > ${part}`,
    // Whichever of several sessions is first.
    `{ ln ${part} ${file} 2>/dev/null || true; }`,
    `rm -f ${part}`,
    `od -An -v -tx1 ${file} | tr -d " \\n"`,
  ], { stdin: cookie });
  if (!/^[0-9a-f]+$/.test(hex) || hex.length !== 2 * cookie.length) {
    throw notUnderstood(session);
  }
  return Uint8Array.fromHex(hex);
}

/** @param lines Words of a shell. */
function replaceConfig(lines: string): string {
  return `printf "%s\\n" ${lines} > ${PULSE_CONFIG}.part && mv -f ${PULSE_CONFIG}.part ${PULSE_CONFIG}`;
}

/** A command that says by its exit status whether the configuration is ours. */
function namesCookie(id: string): string {
  return `grep -q "/${PULSE_COOKIE}[.]${id}$" ${PULSE_CONFIG} 2>/dev/null`;
}

const sessionDirectory = ({ name }: ReadySession) =>
  `"$HOME"/.x2go/${quote(`C-${name}`)}`;

async function run(
  connection: SshConnection,
  session: ReadySession,
  commands: string[],
  { stdin, ...wait }: Pick<Script, "stdin"> & WaitOptions = {},
): Promise<string> {
  const script: Script = {
    name: SETUP,
    session: session.name,
    text: ["umask 077", ...commands].join(" && "),
    ...defined({ stdin }),
  };
  return (await runScript(connection, script, wait)).stdout.trim();
}

const SETUP = "the setup of sound";

function notUnderstood({ name }: ReadySession): X2GoError {
  return new X2GoError(
    "x2go-output",
    `${SETUP} printed unexpected output`,
    name,
  );
}
