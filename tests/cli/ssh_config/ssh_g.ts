/** What `ssh -G` prints, and our settings in its words. */
import { userInfo } from "node:os";
import { applyAlgorithmList } from "../../../src/cli/ssh_config/options/algorithm_list.ts";
import {
  type LocalMachine,
  thisMachine,
} from "../../../src/cli/ssh_config/local_machine.ts";
import type { SshConfigRequest } from "../../../src/cli/ssh_config/resolve_ssh_config.ts";
import type { RemoteForwardLine } from "../../../src/cli/command_line/values/forward_spec.ts";
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
  };
  const entries = Object.entries(kinds).map(async ([keyword, kind]) => {
    const ssh = new Deno.Command("ssh", { args: ["-Q", kind] });
    const { stdout } = await ssh.output();
    const names = new TextDecoder().decode(stdout).trim().split("\n");
    return [keyword, names] as const;
  });
  return new Map(await Promise.all(entries));
}

/**
 * Settings as `ssh -G` would print them.
 *
 * @param defaults What ssh prints where nothing is configured.
 * @param supported What `ssh -Q` prints.
 */
export function asPrinted(
  settings: SshSettings,
  defaults: Printed,
  supported: ReadonlyMap<string, readonly string[]>,
): Printed {
  const values: Record<string, Value> = {
    addressfamily: settings.addressFamily,
    batchmode: settings.batchMode,
    bindaddress: settings.bindAddress,
    certificatefile: settings.certificateFiles,
    ciphers: algorithms("ciphers", settings.ciphers),
    clearallforwardings: settings.clearAllForwardings,
    compression: settings.compression,
    connectionattempts: settings.connectionAttempts,
    connecttimeout: seconds(settings.connectTimeoutMs),
    exitonforwardfailure: settings.exitOnForwardFailure,
    globalknownhostsfile: settings.globalKnownHostsFiles.join(" ") || "none",
    hashknownhosts: settings.hashKnownHosts,
    host: settings.host,
    hostkeyalgorithms: algorithms(
      "hostkeyalgorithms",
      settings.hostKeyAlgorithms,
    ),
    hostkeyalias: settings.hostKeyAlias,
    hostname: settings.hostName,
    identitiesonly: settings.identitiesOnly,
    identityagent: settings.identityAgent ?? [],
    identityfile: settings.identityFiles.map(({ path }) => path),
    kbdinteractiveauthentication: settings.kbdInteractiveAuthentication,
    kexalgorithms: algorithms("kexalgorithms", settings.kexAlgorithms),
    loglevel: settings.logLevel?.replace("QUIET", "SILENT")
      .replace("DEBUG1", "DEBUG"),
    macs: algorithms("macs", settings.macs),
    numberofpasswordprompts: settings.numberOfPasswordPrompts,
    passwordauthentication: settings.passwordAuthentication,
    port: settings.port,
    preferredauthentications: settings.preferredAuthentications?.join(","),
    proxycommand: settings.proxyCommand,
    proxyjump: settings.proxyJump && formatJumps(settings.proxyJump),
    pubkeyauthentication: settings.pubkeyAuthentication,
    rekeylimit: settings.rekeyLimit &&
      `${settings.rekeyLimit.bytes} ${seconds(settings.rekeyLimit.ms) ?? 0}`,
    remoteforward: settings.remoteForwards.map(formatForward),
    revokedhostkeys: settings.revokedHostKeys,
    serveralivecountmax: settings.serverAliveCountMax,
    serveraliveinterval: seconds(settings.serverAliveIntervalMs),
    streamlocalbindunlink: settings.streamLocalBindUnlink,
    stricthostkeychecking: settings.strictHostKeyChecking,
    tcpkeepalive: settings.tcpKeepAlive,
    user: settings.user,
    userknownhostsfile: settings.userKnownHostsFiles.join(" ") || "none",
  };
  return new Map(
    Object.entries(values).map(([keyword, value]) => [
      keyword,
      value === undefined
        ? comparable(keyword, defaults)
        : [value].flat().map((value) =>
          typeof value === "boolean" ? value ? "yes" : "no" : `${value}`
        ),
    ]),
  );

  function algorithms(keyword: string, list?: string): string | undefined {
    const names = defaults.get(keyword)?.[0]?.split(",") ?? [];
    return list === undefined
      ? undefined
      : applyAlgorithmList(keyword, list, names, supported.get(keyword)).join();
  }
}

type Value = string | number | boolean | readonly string[] | undefined;

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
    case "stricthostkeychecking":
      return values.map((value) =>
        value.replace("true", "yes").replace("false", "no")
      );
    default:
      return values;
  }
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
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
