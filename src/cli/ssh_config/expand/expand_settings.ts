import type { LocalMachine } from "../local_machine.ts";
import type { Option } from "../options/option.ts";
import { optionTable } from "../options/option_table.ts";
import type { RawSettings } from "../options/raw_settings.ts";
import type { SshSettings } from "../ssh_settings.ts";
import { destinationTokens } from "./tokens.ts";

/**
 * Expands the values that were read, and adds the defaults.
 *
 * @param host The host as it was typed.
 * @param hostName The host to connect to.
 * @throws {ArgumentError} if a value cannot be expanded, or a jump leads to the destination itself.
 */
export async function expandSettings(
  raw: RawSettings,
  host: string,
  hostName: string,
  machine: LocalMachine,
): Promise<Omit<SshSettings, "warnings">> {
  const user = raw.first("user") ?? machine.userName;
  const port = raw.first("port") ?? 22;
  const tokens = destinationTokens(machine, {
    host: hostName,
    originalHost: host,
    port,
    user: () => user,
    keyAlias: raw.first("hostKeyAlias") ?? host,
  });
  const { values } = raw;
  const scope = { machine, tokens, hostName, user, port, values };
  const settings: Record<string, unknown> = { host };
  for (const [key, option] of Object.entries<Option>(optionTable)) {
    const setting = await option.expand(values.get(key) ?? [], scope);
    if (setting !== undefined) settings[key] = setting;
  }
  return settings as Omit<SshSettings, "warnings"> & typeof settings;
}
