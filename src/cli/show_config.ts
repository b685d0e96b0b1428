import { isTcp } from "../ssh/bind.ts";
import type { ForwardSpec } from "./command_line/values/forward_spec.ts";
import type { Option } from "./ssh_config/options/option.ts";
import { optionTable } from "./ssh_config/options/option_table.ts";
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
  const lines = [`host ${settings.host}`];
  for (const [key, option] of Object.entries<Option>(optionTable)) {
    const keyword = option.keywords[0]!.toLowerCase();
    const setting = settings[key as keyof SshSettings];
    const values = key === "remoteForwards"
      ? forwards.map(printForward)
      : setting === undefined
      ? []
      : [option.print(setting)].flat();
    lines.push(...values.map((value) => `${keyword} ${value}`));
  }
  return lines.map((line) => `${line}\n`).join("");
}

function printForward({ bind, target }: ForwardSpec): string {
  const listen = !isTcp(bind)
    ? bind.path
    : bind.hostname === "localhost"
    ? bind.port
    : `[${bind.hostname || "*"}]:${bind.port}`;
  const connect = target === "socks"
    ? "[socks]:0"
    : "path" in target
    ? target.path
    : `[${target.hostname}]:${target.port}`;
  return `${listen} ${connect}`;
}
