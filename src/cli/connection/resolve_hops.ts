import { ArgumentError } from "../../errors.ts";
import { resolveSshConfig } from "../ssh_config/resolve_ssh_config.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";

/** The most servers in one chain of `ProxyJump`; only a circle has more. */
const MAX_HOPS = 16;

/**
 * Resolves the servers of `ProxyJump`.
 *
 * @param configFile The configuration file of the command line.
 * @returns the servers on the way in order, and the destination as the last.
 * @throws {ArgumentError} if the configuration of one is not valid.
 */
export function resolveHops(
  settings: SshSettings,
  configFile: string | undefined,
): Promise<SshSettings[]> {
  return hopsTo(settings, configFile, 0);
}

async function hopsTo(
  settings: SshSettings,
  configFile: string | undefined,
  depth: number,
): Promise<SshSettings[]> {
  if (depth > MAX_HOPS) {
    throw new ArgumentError(
      "ProxyJump",
      `leads through more than ${MAX_HOPS} hosts`,
    );
  }
  const before: SshSettings[] = [];
  for (
    const [i, { host, user, port }] of (settings.proxyJump ?? []).entries()
  ) {
    const hop = await resolveSshConfig({
      host,
      user,
      port,
      configFile,
    });
    // Only the first is reached from here.
    const { proxyJump: _, proxyCommand: __, ...direct } = hop;
    before.push(...await hopsTo(i === 0 ? hop : direct, configFile, depth + 1));
  }
  return [...before, settings];
}
