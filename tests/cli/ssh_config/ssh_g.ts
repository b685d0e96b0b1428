/** What `ssh -G` prints, and our settings in its words. */
import { userInfo } from "node:os";
import { applyAlgorithmList } from "../../../src/cli/ssh_config/options/algorithm_list.ts";
import {
  type LocalMachine,
  thisMachine,
} from "../../../src/cli/ssh_config/local_machine.ts";
import type { SshConfigRequest } from "../../../src/cli/ssh_config/resolve_ssh_config.ts";
import type { RemoteForwardLine } from "../../../src/cli/command_line/values/forward_spec.ts";
import type { Option } from "../../../src/cli/ssh_config/options/option.ts";
import { optionTable } from "../../../src/cli/ssh_config/options/option_table.ts";
import type { JumpHost } from "../../../src/cli/ssh_config/options/proxy.ts";
import type { SshSettings } from "../../../src/cli/ssh_config/ssh_settings.ts";

/** This machine as ssh sees it, which does not look at `HOME`. */
export const sshMachine: LocalMachine = {
  home: userInfo().homedir,
  userName: thisMachine.userName,
  uid: thisMachine.uid,
  hostName: thisMachine.hostName,
  env: (name) => thisMachine.env(name),
};

/** Options by their keywords in lower case, each with its values in order. */
export type Printed = Map<string, readonly string[]>;

/** What `ssh -G` says; undefined if it refuses. */
export async function askSsh(
  request: SshConfigRequest,
): Promise<Printed | undefined> {
  const { host, user, port, options = [], configFile } = request;
  const { success, stdout } = await new Deno.Command("ssh", {
    args: [
      "-G",
      ...user === undefined ? [] : ["-l", user],
      ...port === undefined ? [] : ["-p", `${port}`],
      ...options.flatMap((option) => ["-o", option]),
      ...configFile === undefined ? [] : ["-F", configFile],
      "--",
      host,
    ],
    stdin: "null",
    stderr: "null",
  }).output();
  if (!success) return undefined;
  const printed = new Map<string, string[]>();
  for (const line of new TextDecoder().decode(stdout).trimEnd().split("\n")) {
    const [, keyword = "", value = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
    printed.set(keyword, [...printed.get(keyword) ?? [], value]);
  }
  return printed;
}

/** The algorithms that ssh has, as `ssh -Q` prints them. */
export async function askAlgorithms(): Promise<Map<string, string[]>> {
  const kinds = {
    ciphers: "cipher",
    macs: "mac",
    kexalgorithms: "kex",
    hostkeyalgorithms: "HostKeyAlgorithms",
    pubkeyacceptedalgorithms: "PubkeyAcceptedAlgorithms",
    casignaturealgorithms: "HostKeyAlgorithms",
  };
  const entries = Object.entries(kinds).map(async ([keyword, kind]) => {
    const ssh = new Deno.Command("ssh", { args: ["-Q", kind] });
    const { stdout } = await ssh.output();
    const names = new TextDecoder().decode(stdout).trim().split("\n");
    return [keyword, names] as const;
  });
  return new Map(await Promise.all(entries));
}

/** Options that only the reader needs. */
const INTERNAL = new Set(["canonicalizehostname", "ignoreunknown"]);

/**
 * Settings as `ssh -G` would print them, for every option that has an effect.
 *
 * @param defaults What ssh prints where nothing is configured.
 * @param supported What `ssh -Q` prints.
 */
export function asPrinted(
  settings: SshSettings,
  defaults: Printed,
  supported: ReadonlyMap<string, readonly string[]>,
): Printed {
  const lines = new Map<string, readonly string[]>([["host", [settings.host]]]);
  for (const [key, option] of Object.entries<Option>(optionTable)) {
    const keyword = option.keywords[0]!.toLowerCase();
    if (INTERNAL.has(keyword)) continue;
    const setting = settings[key as keyof SshSettings];
    lines.set(
      keyword,
      keyword === "identityagent"
        ? [settings.identityAgent ?? []].flat()
        : setting === undefined
        ? comparable(keyword, defaults)
        : print(keyword, [option.print(setting)].flat()),
    );
  }
  return lines;

  function print(keyword: string, values: string[]): readonly string[] {
    const known = supported.get(keyword);
    if (known) {
      const names = defaults.get(keyword)?.[0]?.split(",") ?? [];
      return [applyAlgorithmList(keyword, values[0], names, known).join()];
    }
    switch (keyword) {
      case "loglevel":
        return values.map((level) => level.replace("QUIET", "SILENT"));
      case "proxyjump":
        return [formatJumps(settings.proxyJump!)];
      case "remoteforward":
        return settings.remoteForwards.map(formatForward);
      default:
        return values;
    }
  }
}

/** What ssh printed for an option, in our form: paths expanded as ssh does only when it opens them. */
export function comparable(
  keyword: string,
  printed: Printed,
): readonly string[] {
  const values = printed.get(keyword) ?? [];
  const { home } = sshMachine;
  const tilde = (value: string) => value.replace(/(?<=^| )~/g, home);
  switch (keyword) {
    case "certificatefile":
    case "identityfile":
      return values.filter((value) => value !== "none").map(tilde);
    case "globalknownhostsfile":
      return values.map(tilde);
    case "identityagent": {
      const [agent = "SSH_AUTH_SOCK"] = values;
      if (agent === "none") return [];
      const variable = agent === "SSH_AUTH_SOCK" ? agent : agent.slice(1);
      const socket = agent === "SSH_AUTH_SOCK" || agent.startsWith("$")
        ? thisMachine.env(variable)
        : agent;
      return socket ? [socket] : [];
    }
    case "pubkeyauthentication":
      return values.map((value) => value === "false" ? "no" : "yes");
    default:
      return values;
  }
}

/** ssh reformats the last hop, with numeric addresses in brackets; it prints the others as written. */
function formatJumps(hops: readonly JumpHost[]): string {
  return hops.map(({ user, host, port }, index) => {
    const numeric = index === hops.length - 1 && /^[\d.]+$/.test(host);
    return [
      user === undefined ? "" : `${user}@`,
      numeric || host.includes(":") ? `[${host}]` : host,
      port === undefined ? "" : `:${port}`,
    ].join("");
  }).join(",");
}

/** Of the forms that the tests use. */
function formatForward({ listen, connect }: RemoteForwardLine): string {
  const end = (text: string) =>
    text.replace(/^\[?([^/\]]*)\]?:(\d+)$/, "[$1]:$2");
  return `${end(listen)} ${connect === undefined ? "[socks]:0" : end(connect)}`;
}
