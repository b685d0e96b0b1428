import { defined } from "../../defined.ts";
import type { Logger } from "../../logger.ts";
import { connectThrough } from "../../ssh/connect_through.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import type { NoDelay } from "../../ssh/no_delay.ts";
import { dialFrom } from "../../ssh/dial/dial_from.ts";
import { dialByProxy } from "../../ssh/dial/proxy/via_proxy.ts";
import type { ProxyAddress } from "../../ssh/dial/proxy/proxy_address.ts";
import type { Dial } from "../../ssh/dial/transport.ts";
import type { Engine } from "../../ssh/engine.ts";
import type { ConnectOptions } from "../../ssh/connect_options.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";
import { Prompts } from "../terminal/prompts.ts";
import { algorithmOptions } from "./algorithm_options.ts";
import { withHostKeyAdvice } from "./host_key_advice.ts";
import { knownHostsOptions } from "./known_hosts_options.ts";
import { loginOptions } from "./login_options.ts";
import { LoginSecrets } from "./login_secrets.ts";
import { proxyFromEnvironment } from "./proxy_from_environment.ts";
import { dialByCommand } from "./proxy_command.ts";
import type { Secrets } from "./secrets.ts";

/** What a connection needs besides the settings. */
export interface ConnectContext {
  /** What speaks SSH's transport layer. */
  readonly engine: Engine;
  /** What to do about Nagle's algorithm on the server. */
  readonly noDelay?: NoDelay | undefined;
  /** The proxy on the way to the first hop, or that of the environment. */
  readonly proxy?: ProxyAddress | "env" | undefined;
  /** Answers the questions of a login. */
  readonly secrets: Secrets;
  /** Logger of the connections. */
  readonly logger: Logger;
  /** Receives the banner of a server, unless it is the same as the last time. */
  readonly onBanner: (text: string) => void;
}

/**
 * Prepares to connect as the settings say.
 *
 * @param hops The servers on the way, and the last one.
 * @returns connects, each time it is called.
 * @throws {ArgumentError} if the settings of one are not valid.
 */
export function planConnection(
  hops: readonly SshSettings[],
  { engine, noDelay, proxy, secrets, logger, onBanner }: ConnectContext,
): (signal: AbortSignal) => Promise<SshConnection> {
  // Reports mistakes at once.
  for (const hop of hops) algorithmOptions(hop, engine);
  const dial = hops[0] && dialOptions(hops[0], proxy);
  const banners: string[] = [];
  const reportBanner = (hop: number) => (text: string) => {
    if (banners[hop] !== text) onBanner(banners[hop] = text);
  };
  return async (signal) => {
    const over = new AbortController();
    // A question ends with the login that it is for.
    const until = AbortSignal.any([signal, over.signal]);
    const prompts = secrets.asker && new Prompts(secrets.asker, until);
    try {
      const options: ConnectOptions[] = [];
      for (const [i, hop] of hops.entries()) {
        const answers = new LoginSecrets(secrets, {
          user: hop.user,
          host: hop.hostName,
          // On another hop, the same name may be another machine.
          server: `${i} ${hop.hostName} ${hop.port}`,
          prompts: hop.batchMode ? undefined : prompts,
          logger,
        });
        options.push({
          ...await toConnectOptions(hop, answers, logger),
          engine,
          algorithms: algorithmOptions(hop, engine),
          // The others are reached through the one before.
          ...i === 0 && dial,
          // Servers on the way may not permit commands.
          ...defined({ noDelay: i === hops.length - 1 ? noDelay : undefined }),
          onBanner: reportBanner(i),
          signal,
          logger,
        });
      }
      return await connectThrough(options);
    } catch (error) {
      throw withHostKeyAdvice(error, hops);
    } finally {
      over.abort();
    }
  };
}

async function toConnectOptions(
  settings: SshSettings,
  answers: LoginSecrets,
  logger: Logger,
): Promise<ConnectOptions> {
  const { hostName: hostname, port, user, rekeyLimit } = settings;
  return {
    hostname,
    port,
    user,
    hostKeys: await knownHostsOptions(settings, answers),
    ...await loginOptions(settings, answers, logger),
    // 0 stands for the default in all of these.
    ...defined({
      minRsaBits: settings.requiredRsaSize || undefined,
      connectTimeoutMs: settings.connectTimeoutMs || undefined,
      addressFamily: familyOf(settings),
    }),
    rekey: defined({
      bytes: rekeyLimit?.bytes || undefined,
      ms: rekeyLimit?.ms || undefined,
    }),
    keepalive: defined({
      intervalMs: settings.serverAliveIntervalMs,
      countMax: settings.serverAliveCountMax,
    }),
  };
}

/**
 * How to reach the first server.
 *
 * @throws {ArgumentError} if the environment names a proxy that cannot be used.
 */
function dialOptions(
  settings: SshSettings,
  proxy: ConnectContext["proxy"],
): Pick<ConnectOptions, "dial" | "connectionAttempts"> {
  const { proxyCommand, bindAddress, connectionAttempts } = settings;
  const { hostName: hostname, port } = settings;
  const via = proxy === "env"
    ? proxyFromEnvironment({ hostname, port })
    : proxy;
  if (via) {
    const dial: Dial = (to) => dialByProxy(via, to);
    return defined({ connectionAttempts, dial });
  }
  if (proxyCommand !== undefined) {
    return { dial: async (to) => await dialByCommand(proxyCommand, to) };
  }
  return defined({
    connectionAttempts,
    dial: bindAddress === undefined
      ? undefined
      : dialFrom(bindAddress, familyOf(settings)),
  });
}

function familyOf({ addressFamily = "any" }: SshSettings): 4 | 6 | undefined {
  return { any: undefined, inet: 4 as const, inet6: 6 as const }[addressFamily];
}
