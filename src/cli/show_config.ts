import { isTcp } from "../ssh/bind.ts";
import type { ForwardSpec } from "./command_line/forward_spec.ts";
import type { SshSettings } from "./ssh_config/ssh_settings.ts";

/**
 * The settings as `ssh -G` prints them: a keyword in lower case and its value
 * a line. Those that were not set are left out; tokens are expanded everywhere.
 *
 * @param forwards All of them, those of the command line too.
 */
export function showConfig(
  settings: SshSettings,
  forwards: readonly ForwardSpec[],
): string {
  const lines: [string, unknown][] = [
    ["host", settings.host],
    ["user", settings.user],
    ["hostname", settings.hostName],
    ["port", settings.port],
    ["addressfamily", settings.addressFamily],
    ["batchmode", settings.batchMode],
    ["bindaddress", settings.bindAddress],
    ["casignaturealgorithms", settings.caSignatureAlgorithms],
    ["ciphers", settings.ciphers],
    ["clearallforwardings", settings.clearAllForwardings],
    ["compression", settings.compression],
    ["connectionattempts", settings.connectionAttempts],
    ["connecttimeout", seconds(settings.connectTimeoutMs)],
    ["exitonforwardfailure", settings.exitOnForwardFailure],
    ["globalknownhostsfile", words(settings.globalKnownHostsFiles)],
    ["hashknownhosts", settings.hashKnownHosts],
    ["hostkeyalgorithms", settings.hostKeyAlgorithms],
    ["hostkeyalias", settings.hostKeyAlias],
    ["identitiesonly", settings.identitiesOnly],
    ["identityagent", settings.identityAgent],
    ...settings.identityFiles.map(({ path }) =>
      ["identityfile", path] satisfies [string, unknown]
    ),
    ["kbdinteractiveauthentication", settings.kbdInteractiveAuthentication],
    ["kexalgorithms", settings.kexAlgorithms],
    ["loglevel", settings.logLevel?.replace("DEBUG1", "DEBUG")],
    ["macs", settings.macs],
    ["numberofpasswordprompts", settings.numberOfPasswordPrompts],
    ["passwordauthentication", settings.passwordAuthentication],
    ["preferredauthentications", settings.preferredAuthentications?.join(",")],
    ["proxycommand", settings.proxyCommand],
    [
      "proxyjump",
      settings.proxyJump?.map(({ user, host, port }) =>
        `${user === undefined ? "" : `${user}@`}${
          host.includes(":") ? `[${host}]` : host
        }${port === undefined ? "" : `:${port}`}`
      ).join(","),
    ],
    ["pubkeyacceptedalgorithms", settings.pubkeyAcceptedAlgorithms],
    ["pubkeyauthentication", settings.pubkeyAuthentication],
    ...forwards.map((forward) =>
      ["remoteforward", forwardText(forward)] satisfies [string, unknown]
    ),
    ["rekeylimit", rekeyLimit(settings)],
    ["remotecommand", settings.remoteCommand],
    ["requiredrsasize", settings.requiredRsaSize],
    ["revokedhostkeys", settings.revokedHostKeys],
    ["serveralivecountmax", settings.serverAliveCountMax],
    ["serveraliveinterval", seconds(settings.serverAliveIntervalMs)],
    ["sessiontype", settings.sessionType],
    ["streamlocalbindunlink", settings.streamLocalBindUnlink],
    ["stricthostkeychecking", checkingText(settings.strictHostKeyChecking)],
    ["tcpkeepalive", settings.tcpKeepAlive],
    ["updatehostkeys", checkingText(settings.updateHostKeys)],
    ["userknownhostsfile", words(settings.userKnownHostsFiles)],
  ];
  return lines.filter(([, value]) => value !== undefined)
    .map(([keyword, value]) => `${keyword} ${text(value)}\n`).join("");
}

function text(value: unknown): string {
  return typeof value === "boolean" ? value ? "yes" : "no" : `${value}`;
}

function forwardText({ bind, target }: ForwardSpec): string {
  const listen = !isTcp(bind)
    ? bind.path
    : bind.hostname === "localhost"
    ? bind.port
    : `[${bind.hostname || "*"}]:${bind.port}`;
  const connect = "path" in target
    ? target.path
    : `[${target.host}]:${target.port}`;
  return `${listen} ${connect}`;
}

function checkingText(
  checking: SshSettings["strictHostKeyChecking" | "updateHostKeys"],
): string | undefined {
  switch (checking) {
    case "yes":
      return "true";
    case "no":
      return "false";
    default:
      return checking;
  }
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function rekeyLimit({ rekeyBytes, rekeyMs }: SshSettings): string | undefined {
  if (rekeyBytes === undefined) return undefined;
  return `${rekeyBytes} ${seconds(rekeyMs) ?? 0}`;
}

function words(files: readonly string[]): string {
  return files.length === 0 ? "none" : files.join(" ");
}
