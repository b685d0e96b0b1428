import { ArgumentError } from "../../errors.ts";
import { checkPort } from "../../validate.ts";
import { checkUser } from "../command_line/values/destination.ts";
import { setting } from "../command_line/setting.ts";
import { ConfigReader, systemDirectory } from "./reader/config_reader.ts";
import { expandSettings } from "./expand/expand_settings.ts";
import { type LocalMachine, thisMachine } from "./local_machine.ts";
import type { SshSettings } from "./ssh_settings.ts";
import { shown } from "../../text/shown.ts";

/** What to look up in the configuration. */
export interface SshConfigRequest {
  /** The destination's host as it was typed: a name, an address, or a `Host` of the configuration. */
  host: string;
  /** The user of the command line; comes before `options`. */
  user?: string | undefined;
  /** The port of the command line; comes before `options`. */
  port?: number | undefined;
  /** The `-o` options in order, e.g. `Port=2222`; they come before the files. */
  options?: readonly string[];
  /** The only file to read (`-F`); `none` for no file. By default `~/.ssh/config`, then `/etc/ssh/ssh_config`. */
  configFile?: string | undefined;
  /** What the configuration can depend on; this machine by default. */
  machine?: LocalMachine;
}

/**
 * Resolves the settings for a destination from the command line and ssh_config,
 * as OpenSSH 9.2 does (ssh_config(5)): the first value of each option counts,
 * and a line that ssh would refuse is an error even where it has no effect.
 * Unlike ssh it does not look up names for `CanonicalizeHostname`, nor check the
 * values of options without effect.
 *
 * @throws {ArgumentError} if ssh would refuse the request or the configuration;
 * its `argument` is the file and line, or the option of the command line.
 * @throws {RForwardError} `permission-denied` if Deno may not read what it needs.
 */
export async function resolveSshConfig(
  request: SshConfigRequest,
): Promise<SshSettings> {
  const { host, machine = thisMachine } = request;
  const reader = new ConfigReader(machine, host);
  if (request.user !== undefined) {
    checkUser("User", request.user);
    reader.readOption(setting("User", request.user));
  }
  if (request.port !== undefined) {
    checkPort("port", request.port);
    reader.readOption(setting("Port", `${request.port}`));
  }
  for (const option of request.options ?? []) reader.readOption(option);
  checkNames(host, reader.settings.first("user"));

  await readFiles(reader, request);
  const hostName = usualForm(await reader.hostName());
  if (reader.wantsFinal) {
    reader.startFinal(hostName);
    await readFiles(reader, request);
  }

  return {
    ...await expandSettings(reader.settings, host, hostName, machine),
    warnings: [...reader.warnings.values()],
  };
}

async function readFiles(
  reader: ConfigReader,
  { configFile, machine = thisMachine }: SshConfigRequest,
): Promise<void> {
  if (configFile?.toLowerCase() === "none") return;
  if (configFile !== undefined) {
    const source = { user: true, checkOwner: false };
    if (await reader.readFile(configFile, source)) return;
    throw new ArgumentError("-F", `cannot read the file ${configFile}`);
  }
  const source = { user: true, checkOwner: true };
  await reader.readFile(`${machine.home}/.ssh/config`, source);
  await reader.readFile(`${systemDirectory}/ssh_config`, {
    user: false,
    checkOwner: false,
  });
}

/** Refuses names that a shell would interpret: they are inserted into commands (CVE-2023-51385). */
function checkNames(host: string, user: string | undefined): void {
  if (user !== undefined) checkUser("User", user);
  if (/^(?!-)[^'"`$\\;&<>|(){}\s\p{Cc}]+$/u.test(host)) return;
  throw new ArgumentError(
    "destination",
    `${
      shown(host)
    } is not a valid host: it is empty, begins with -, or has characters that hosts do not have`,
  );
}

/** A name in lower case, or an address as getnameinfo(3) and URLs write it. */
function usualForm(host: string): string {
  if (host.includes("%") || /:.*\./.test(host)) return host; // not possible in URLs, or written in another way
  const url = host.includes(":")
    ? URL.parse(`http://[${host}]`)
    : /^[\da-fx.]+$/i.test(host)
    ? URL.parse(`http://${host}`)
    : null;
  const [address] = /^[\d.]+$|(?<=^\[).+(?=\]$)/.exec(url?.hostname ?? "") ??
    [];
  return address ?? host.toLowerCase();
}
