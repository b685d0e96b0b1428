import { userInfo } from "node:os";
import { throwIfNotPermitted } from "../../permissions.ts";
import { readVariable } from "../../environment.ts";
import { ArgumentError } from "../../errors.ts";

/** What configuration can depend on. */
export interface LocalMachine {
  /** The user's home directory. */
  readonly home: string;
  /** The user's name. */
  readonly userName: string;
  /** The user's number; undefined on Windows. */
  readonly uid: number | undefined;
  /** The machine's name, with its domain if it has one. */
  readonly hostName: string;
  /** Looks up an environment variable. */
  env(name: string): string | undefined;
}

/**
 * This machine. Everything is looked up when it is needed, so that permissions
 * are needed only for what the configuration uses.
 */
export const thisMachine: LocalMachine = {
  get home() {
    const variable = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";
    return this.env(variable) ||
      account().homedir;
  },
  // Not USER, as in ssh: su leaves the former user's name there.
  get userName() {
    return account().username;
  },
  get uid() {
    return allowed(
      "look up the user's number",
      "--allow-sys=uid",
      () => Deno.uid(),
    ) ?? undefined;
  },
  get hostName() {
    return allowed(
      "look up this machine's name",
      "--allow-sys=hostname",
      () => Deno.hostname(),
    );
  },
  env(name) {
    return allowed(
      `read the environment variable ${name}`,
      `--allow-env=${name}`,
      () => readVariable(name),
    );
  },
};

/** @throws {ArgumentError} if the user has no account, as in some containers. */
function account(): { username: string; homedir: string } {
  try {
    return allowed(
      "look up the user's account",
      "--allow-sys=uid,gid,userInfo",
      userInfo,
    );
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new ArgumentError(
      "/etc/passwd",
      `there is no user ${thisMachine.uid}; name the one to log in as (user@host), and set HOME`,
      { cause },
    );
  }
}

/** @throws {RForwardError} `permission-denied`, with the flag that is missing. */
function allowed<T>(what: string, flag: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    throwIfNotPermitted(cause, what, flag);
    throw cause;
  }
}
