/** Mounting folders of this side on the server, with x2goserver's commands. @module */

import type { SshConnection } from "../../ssh/connection.ts";
import { printable } from "../../text/printable.ts";
import { quote } from "../../quote.ts";
import { X2GoError } from "../errors.ts";
import {
  limited,
  runScript,
  type Script,
  type WaitOptions,
} from "../server/run_script.ts";
import type { SessionAccess } from "../session/session_share.ts";

/** What a folder is for: the server mounts each kind in a different place. */
export type FolderKind = "folder" | "print" | "mimebox";

/** What x2gomountdirs recognizes each kind by. */
const MARKS: Record<FolderKind, string> = {
  folder: "",
  print: "__PRINT_SPOOL_",
  mimebox: "__MIMEBOX_SPOOL_",
};

/** What the server's sshfs connects to, and how it logs in there. */
export interface MountSource {
  /** The port on the server's loopback. */
  port: number;
  /** The user that it logs in as. */
  user: string;
  /** The private key that it logs in with, in a format of OpenSSH. */
  privateKey: string;
  /** The public key that it has to find there: `ssh-ed25519 AAAA…`. */
  hostKey: string;
  /** What the folder is called there; {@linkcode isPlain} has to be true of it. */
  path: string;
  /** What the folder is for. */
  kind: FolderKind;
}

/** x2gomountdirs gives sshfs 30 s. */
const MOUNT_MS = 40_000;
const UNMOUNT_MS = 20_000;
/** What sshfs says of a mount that is in the way: a dead one, or one that is alive or died within the last second. */
const IN_THE_WAY = /endpoint is not connected|failed to access mountpoint/;

/** Bytes of a mount point's name, with room for a number: file systems take 255. */
const MAX_NAME = 200;
/** What {@linkcode isPlain} forbids, and `_`, so that `__` never results. */
const NOT_PLAIN = /[^\p{L}\p{M}\p{N}/.-]+/gu;

/**
 * Whether x2gomountdirs and x2goumount-session handle a path literally. They
 * pass it through a shell, use it as a pattern, turn it into a name with `_` for
 * `/` and blanks, end it at a colon, and have keywords between `__`.
 */
export function isPlain(path: string): boolean {
  return !/__|[^\p{L}\p{M}\p{N}/._ -]/u.test(path);
}

/** A path with `_` for what is not plain, cut at the front if it is too long for the name of a mount point. */
export function toPlain(path: string): string {
  const plain = path.replace(NOT_PLAIN, "_");
  const bytes = new TextEncoder().encode(plain);
  if (bytes.length <= MAX_NAME) return plain;
  const end = new TextDecoder().decode(bytes.subarray(-MAX_NAME));
  return `/${end.replace(/^\uFFFD*/, "")}`;
}

/**
 * Mounts a folder. A dead mount in the way, of a connection that was lost, is
 * removed.
 *
 * @returns the mount point; undefined if another folder has it.
 * @throws {X2GoError} `x2go-share` with the server's words if it cannot be mounted.
 */
export async function mount(
  { connection, session: { name } }: SessionAccess,
  source: MountSource,
): Promise<string | undefined> {
  for (let firstTry = true;; firstTry = false) {
    const { stdout, stderr } = await runScript(
      connection,
      mountScript(name, source),
      { timeoutMs: MOUNT_MS + 5000 },
    );
    // It is at the end of sshfs's command line.
    const [, tried] =
      /^inserted, .* "(\/[^"\p{Cc}]+)" -p \d+$/mu.exec(stdout) ?? [];
    const lines = stdout.split("\n");
    if (tried && lines.includes(`mount ${source.path} ok`)) return tried;
    const [failure] = /^(?:mounting|insertion) of .*$/m.exec(stderr) ?? [];
    const isListed = failure?.startsWith("insertion");
    const words = tried ? await sshfsWords(connection, name) : "";
    const inTheWay = isListed
      ? await findMounted(connection, name, source)
      : IN_THE_WAY.test(words)
      ? tried
      : undefined;
    const isDead = inTheWay && !await answers(connection, name, inTheWay);
    if (isDead && firstTry) {
      await unmount(connection, name, inTheWay);
      continue;
    }
    if (isListed || inTheWay && !isDead) return undefined;
    const said = printable(failure ?? (stdout || stderr));
    throw new X2GoError(
      "x2go-share",
      `the server did not mount the folder: ${said}${
        words && `; sshfs: ${words}`
      }`,
      name,
    );
  }
}

/**
 * The mount points of a session, as the server has them in its list; one may
 * be dead.
 */
export async function listMounts(
  connection: SshConnection,
  session: string,
  options: WaitOptions = {},
): Promise<string[]> {
  const { stdout } = await runScript(connection, {
    name: "x2golistmounts",
    session,
    text: limited(`x2golistmounts ${quote(session)}`, UNMOUNT_MS),
  }, options);
  // host|mount point
  return [...stdout.matchAll(/^[^|\n]*\|(\/\P{Cc}*)$/gmu)]
    .map(([, path]) => path!);
}

/**
 * Unmounts a folder, also one that programs use: they get errors.
 *
 * @throws {X2GoError} `x2go-refused` if it is still there.
 */
export async function unmount(
  connection: SshConnection,
  session: string,
  mountPoint: string,
): Promise<void> {
  await runScript(
    connection,
    unmountScript(session, mountPoint),
    { timeoutMs: UNMOUNT_MS },
  );
}

/**
 * The key is in a file that only the user can read, and only while sshfs logs
 * in with it. x2gomountdirs splits the file into the key and the host key.
 */
function mountScript(session: string, source: MountSource): Script {
  const { user, path, kind, port, privateKey, hostKey } = source;
  const folder = `${path}${MARKS[kind]}__REVERSESSH_PORT__${port}`;
  const command = `x2gomountdirs dir ${quote(session)} ${quote(user)} "$key" ${
    quote(folder)
  }`;
  return {
    name: "x2gomountdirs",
    session,
    text: [
      'umask 077; mkdir -p "$HOME/.x2go/ssh"',
      'key=$(mktemp "$HOME/.x2go/ssh/key.XXXXXXXXXX") || exit',
      `cat > "$key" && ${limited(command, MOUNT_MS)}`,
      'status=$?; rm -f "$key" "$key.ident"; exit $status',
    ].join("; "),
    stdin: new TextEncoder().encode(
      `${privateKey.trimEnd()}\n----BEGIN RSA IDENTITY----${hostKey.trim()}\n`,
    ),
  };
}

/**
 * x2goumount-session leaves a mount that is in use, and can only unmount all, or
 * one folder that is not a spool. So unmounting is done here, in the same way;
 * x2goumount-session takes care of its list and of a folder's desktop icon.
 */
function unmountScript(session: string, mountPoint: string): Script {
  const [name, place] = [quote(session), quote(mountPoint)];
  const mounted = isMounted(mountPoint);
  const forget = mountPoint.includes("/media/")
    ? `x2goumount-session ${name} ${place}`
    : `perl -MX2Go::Server::DB=db_deletemount -e ${
      quote("db_deletemount(@ARGV)")
    } ${name} ${place}; rmdir ${place}`;
  return {
    name: "the unmounting of a folder",
    session,
    text: `! ${mounted} || fusermount -uz ${place}; ${forget}; ! ${mounted}`,
  };
}

/** The mount point for a folder, if the session has it in its list. */
async function findMounted(
  connection: SshConnection,
  session: string,
  { path, kind }: MountSource,
): Promise<string | undefined> {
  const places: Record<FolderKind, string> = {
    folder: `/media/disk/${path.replace(/[/ ]/g, "_")}`,
    print: `/spool/C-${session}`,
    mimebox: `/mimebox/C-${session}`,
  };
  return (await listMounts(connection, session))
    .find((mountPoint) => mountPoint.endsWith(places[kind]));
}

/**
 * Whether something is mounted there that answers. This asks for the file
 * system: the kernel caches a file's attributes for a second.
 */
async function answers(
  connection: SshConnection,
  session: string,
  mountPoint: string,
): Promise<boolean> {
  const asked = `timeout -k 1 5 stat -f ${quote(mountPoint)} >/dev/null 2>&1`;
  const { stdout } = await runScript(connection, {
    name: "the check of a mount",
    session,
    text: `! ${isMounted(mountPoint)} || ! ${asked} || echo alive`,
  });
  return stdout.startsWith("alive");
}

/** A command that says by its exit status whether something is mounted there. */
function isMounted(mountPoint: string): string {
  return `grep -qF ${quote(` ${mountPoint} `)} /proc/self/mounts`;
}

/** What sshfs said last, if anything. */
async function sshfsWords(
  connection: SshConnection,
  session: string,
): Promise<string> {
  const { stdout } = await runScript(connection, {
    name: "the reading of sshfs's log",
    session,
    text: `tail -n 1 "$HOME"/.x2go/${
      quote(`C-${session}`)
    }/sshfs-mounts.log; exit 0`,
  });
  return printable(stdout);
}
