/** Which real servers and clients this machine has, and tests that need them. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** What a test may need, and the Debian package that has it. */
const packages = {
  sshd: "openssh-server",
  ssh: "openssh-client",
  dropbear: "dropbear-bin",
  dbclient: "dropbear-bin",
  useradd: "passwd",
  x2gostartagent: "x2goserver",
  x2goprint: "x2goserver-printing",
  cupsd: "cups",
  gs: "ghostscript",
  sshfs: "sshfs",
  pulseaudio: "pulseaudio",
  "pipewire-pulse": "pipewire-pulse",
  paplay: "pulseaudio-utils",
  nxproxy: "nxproxy",
  Xvfb: "xvfb",
  xauth: "xauth",
  bash: "bash",
  zsh: "zsh",
  fish: "fish",
  ip: "iproute2",
  curl: "curl",
  nginx: "nginx-light",
  haproxy: "haproxy",
  wrk: "wrk",
  chromium: "chromium",
  tinyproxy: "tinyproxy-bin",
  microsocks: "microsocks",
  prometheus: "prometheus",
  promtool: "prometheus",
  mount: "mount",
  "systemd-notify": "systemd",
  "systemd-analyze": "systemd",
} as const;

/** A program that a test may need; `sshd10` is the sshd of {@linkcode openssh10}, `asyncssh` a library of Python's, `sk-dummy` that of {@linkcode skDummy}. */
export type Program =
  | keyof typeof packages
  | "sshd10"
  | "asyncssh"
  | "sk-dummy";

/** What the fixtures need besides the server itself. */
const needs: Partial<Record<Program, Program[]>> = {
  sshd: ["ssh"], // for its ssh-keygen
  sshd10: ["ssh"],
  asyncssh: ["ssh"],
  "sk-dummy": ["ssh"],
  dropbear: ["ssh", "useradd"],
  x2gostartagent: ["sshd", "useradd", "xauth", "sshfs"],
  x2goprint: ["x2gostartagent", "cupsd", "gs"],
  pulseaudio: ["paplay", "useradd"],
  "pipewire-pulse": ["paplay"],
  nxproxy: ["Xvfb"],
};

/** Where a program is; a bare name is looked for also where daemons live and users' `PATH` often does not point. */
export function findProgram(name: string): string | undefined {
  const path = Deno.env.get("PATH") ?? "";
  return [...path.split(":"), "/usr/sbin", "/usr/local/sbin"]
    .map((directory) => resolve(directory, name))
    .find((candidate) => {
      try {
        return Deno.statSync(candidate).isFile;
      } catch {
        return false;
      }
    });
}

/**
 * Where a program of OpenSSH 10 is, which `unpack_openssh10.sh` has put beside
 * the system.
 */
export function openssh10(name: string): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ??
    join(Deno.env.get("HOME") ?? "/", ".cache");
  return join(cache, "rforward/openssh10/bin", name);
}

/** OpenSSH's FIDO key in software, for its own tests. */
export const skDummy = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so";

/** Debian's own Python, which has Debian's packages. */
export const debianPython = "/usr/bin/python3";

/** Why a program cannot be used here; undefined if it can. */
export function whyUnavailable(program: Program): string | undefined {
  if (Deno.build.os !== "linux") {
    return "the server fixtures need Linux's /proc";
  }
  if (program === "sshd10") {
    if (findProgram(openssh10("sshd")) === undefined) {
      return "OpenSSH 10 is not there; tests/servers/unpack_openssh10.sh";
    }
  } else if (program === "asyncssh") {
    if (!existsSync("/usr/lib/python3/dist-packages/asyncssh")) {
      return "asyncssh is not installed; apt-get install python3-asyncssh";
    }
  } else if (program === "sk-dummy") {
    if (!existsSync(skDummy)) {
      return "there is no FIDO key in software; apt-get install openssh-tests";
    }
  } else if (findProgram(program) === undefined) {
    return `${program} is not installed; apt-get install ${packages[program]}`;
  }
  if (program === "mount" && Deno.uid() !== 0) {
    return "it mounts a file over another one, which only root may";
  }
  if (program === "useradd" && Deno.uid() !== 0) {
    return "it logs in as a user of its own, whom only root can add";
  }
  return needs[program]?.map(whyUnavailable).find((why) => why !== undefined);
}

/**
 * Registers a test that needs real programs. Where one is missing the test is
 * ignored and its name says why; with `RFORWARD_REQUIRE_SERVERS=1` it fails.
 */
export function serverTest(
  programs: Program | Program[],
  name: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const reason = [programs].flat().map(whyUnavailable)
    .find((why) => why !== undefined);
  if (reason === undefined) {
    Deno.test(name, fn);
  } else if (Deno.env.get("RFORWARD_REQUIRE_SERVERS") === "1") {
    Deno.test(name, () => {
      throw new Error(`RFORWARD_REQUIRE_SERVERS=1, but ${reason}`);
    });
  } else {
    Deno.test({ name: `${name} (ignored: ${reason})`, ignore: true, fn });
  }
}

/** Registers a test that needs programs too large to ask for: where one is missing it is always ignored. */
export function optionalTest(
  programs: Program | Program[],
  name: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const reason = [programs].flat().map(whyUnavailable)
    .find((why) => why !== undefined);
  if (reason === undefined) Deno.test(name, fn);
  else Deno.test({ name: `${name} (ignored: ${reason})`, ignore: true, fn });
}
