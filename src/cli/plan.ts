import { ArgumentError } from "../errors.ts";
import type { SshConnection } from "../ssh/connection.ts";
import type { SupervisedTunnel } from "../forward/supervisor_options.ts";
import type { Arguments } from "./command_line/arguments.ts";
import { type ConnectContext, planConnection } from "./connect_plan.ts";
import {
  type ForwardSpec,
  parseRemoteForward,
  withoutDuplicates,
} from "./command_line/forward_spec.ts";
import { resolveSshConfig } from "./ssh_config/resolve_ssh_config.ts";
import type { SshSettings } from "./ssh_config/ssh_settings.ts";

/** What the command line and the configuration come to. */
export interface Plan {
  readonly settings: SshSettings;
  readonly forwards: readonly ForwardSpec[];
}

/**
 * Reads the configuration.
 *
 * @throws {ArgumentError} if something in it cannot be used, or there is nothing to forward.
 * @throws {RForwardError} `permission-denied` if Deno may not look at something that is needed.
 */
export async function readPlan(args: Arguments): Promise<Plan> {
  const settings = await resolveSshConfig({
    host: args.host,
    options: args.settings,
    ...args.configFile !== undefined && { configFile: args.configFile },
  });
  const forwards = settings.clearAllForwardings ? [] : withoutDuplicates([
    ...args.forwards,
    ...settings.remoteForwards.map(parseRemoteForward),
  ]);
  return { settings, forwards };
}

/** @throws {ArgumentError} if there is nothing to forward. */
export function checkForwards({ forwards }: Plan): void {
  if (forwards.length > 0) return;
  throw new ArgumentError(
    "-R",
    "nothing is to be forwarded; use -R [bind:]port:host:hostport, or RemoteForward in ssh_config",
  );
}

/** How the plan's connection is made. */
export function connectOf(
  { settings }: Plan,
  { configFile }: Arguments,
  context: Omit<ConnectContext, "configFile">,
): Promise<(signal: AbortSignal) => Promise<SshConnection>> {
  return planConnection(settings, { ...context, configFile });
}

/** The plan's tunnels. */
export function tunnelsOf({ settings, forwards }: Plan): SupervisedTunnel[] {
  return forwards.map(({ bind, target }) => ({
    bind,
    target,
    // In ssh it is about local sockets; those of the server are what matters here.
    ...settings.streamLocalBindUnlink && { unlinkStale: true },
  }));
}
