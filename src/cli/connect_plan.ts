import { ArgumentError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { defaultAlgorithms, supportedAlgorithms } from "../ssh/algorithms.ts";
import { connectThrough } from "../ssh/connect_through.ts";
import type { SshConnection } from "../ssh/connection.ts";
import type {
  HostKeyVerifier,
  KnownHostsOptions,
} from "../ssh/host_keys/host_keys.ts";
import type { Algorithms, ConnectOptions } from "../ssh/options.ts";
import { dialByCommand } from "./proxy_command.ts";
import { LoginSecrets, type Secrets } from "./secrets.ts";
import { applyAlgorithmList } from "./ssh_config/algorithm_list.ts";
import { resolveSshConfig } from "./ssh_config/resolve_ssh_config.ts";
import type { SshSettings } from "./ssh_config/ssh_settings.ts";

/** What a connection is made with, beside the settings. */
export interface ConnectContext {
  /** The configuration file of the command line. */
  readonly configFile: string | undefined;
  /** Who answers the questions of a login. */
  readonly secrets: Secrets;
  /** Where the connections tell what happens. */
  readonly logger: Logger;
}

/** Servers that may stand in one chain of `ProxyJump`; so many that only a circle has more. */
const MAX_HOPS = 16;

/**
 * Works out how to connect as the settings say, by way of the servers of
 * `ProxyJump`.
 *
 * @returns makes the connection, each time anew.
 * @throws {ArgumentError} if the settings of a server cannot be used.
 */
export async function planConnection(
  settings: SshSettings,
  context: ConnectContext,
): Promise<(signal: AbortSignal) => Promise<SshConnection>> {
  const chain = await hopsTo(settings, context, 0);
  chain.forEach(algorithms); // so that a mistake is told at once
  return async (signal) => {
    const hops: ConnectOptions[] = [];
    for (const hop of chain) {
      hops.push({ ...await toConnectOptions(hop, context), signal });
    }
    return await connectThrough(hops);
  };
}

/** The server of the settings, and before it those that lead to it. */
async function hopsTo(
  settings: SshSettings,
  context: ConnectContext,
  depth: number,
): Promise<SshSettings[]> {
  if (depth > MAX_HOPS) {
    throw new ArgumentError(
      "ProxyJump",
      `goes over more than ${MAX_HOPS} hosts`,
    );
  }
  const before: SshSettings[] = [];
  for (
    const [i, { host, user, port }] of (settings.proxyJump ?? []).entries()
  ) {
    const { configFile } = context;
    const hop = await resolveSshConfig({
      host,
      ...user !== undefined && { user },
      ...port !== undefined && { port },
      ...configFile !== undefined && { configFile },
    });
    // Only the first is reached from here.
    const { proxyJump: _, proxyCommand: __, ...direct } = hop;
    before.push(...await hopsTo(i === 0 ? hop : direct, context, depth + 1));
  }
  return [...before, settings];
}

async function toConnectOptions(
  settings: SshSettings,
  { secrets, logger }: ConnectContext,
): Promise<ConnectOptions> {
  const { hostName: host, port, user, proxyCommand, addressFamily } = settings;
  return {
    host,
    port,
    user,
    hostKeys: await hostKeys(settings, secrets),
    algorithms: algorithms(settings),
    ...login(settings, secrets),
    ...settings.connectTimeoutMs && {
      connectTimeoutMs: settings.connectTimeoutMs,
    },
    ...addressFamily && addressFamily !== "any" && {
      addressFamily: addressFamily === "inet" ? 4 as const : 6 as const,
    },
    ...proxyCommand !== undefined && {
      dial: (to) => Promise.resolve(dialByCommand(proxyCommand, to)),
    },
    keepalive: {
      ...settings.serverAliveIntervalMs !== undefined && {
        intervalMs: settings.serverAliveIntervalMs,
      },
      ...settings.serverAliveCountMax !== undefined && {
        countMax: settings.serverAliveCountMax,
      },
    },
    logger,
  };
}

/** How to log in: keys, the agent, and whom to ask. */
function login(settings: SshSettings, secrets: Secrets): LoginOptions {
  const { user, hostName, identityAgent, preferredAuthentications } = settings;
  const answers = new LoginSecrets(secrets, user, hostName);
  const wanted = (method: string, on = true) =>
    on && (preferredAuthentications?.includes(method) ?? true);
  const keys = settings.identityFiles.map(({ path: file }) => ({
    file,
    // As in ssh, one that is missing or broken is no reason to end.
    optional: true,
  }));
  const options: LoginOptions = {};
  if (wanted("publickey", settings.pubkeyAuthentication)) {
    options.privateKeys = keys.map((key) => ({
      ...key,
      passphrase: () => answers.passphrase(key.file),
    }));
    if (identityAgent !== undefined) options.agent = identityAgent;
    if (settings.identitiesOnly) options.agentKeys = keys;
  }
  const asked = !settings.batchMode && secrets.prompts !== undefined ||
    secrets.known.size > 0;
  if (
    asked &&
    wanted("keyboard-interactive", settings.kbdInteractiveAuthentication)
  ) {
    options.keyboardInteractive = answers.keyboardInteractive;
  }
  if (asked && wanted("password", settings.passwordAuthentication)) {
    options.password = () => answers.password();
  }
  if (settings.numberOfPasswordPrompts !== undefined) {
    options.maxPrompts = settings.numberOfPasswordPrompts;
  }
  return options;
}

type LoginOptions = Pick<
  ConnectOptions,
  | "privateKeys"
  | "agent"
  | "agentKeys"
  | "keyboardInteractive"
  | "password"
  | "maxPrompts"
>;

async function hostKeys(
  settings: SshSettings,
  secrets: Secrets,
): Promise<KnownHostsOptions> {
  const { hostKeyAlias, strictHostKeyChecking = "ask" } = settings;
  const acceptNew = toAcceptNew(strictHostKeyChecking, secrets);
  // Those that are missing hold no keys, which is no mistake. The first is
  // where a new key is written down, and made for that.
  const [first, ...others] = [
    ...settings.userKnownHostsFiles,
    ...settings.globalKnownHostsFiles,
  ];
  const files: string[] = [];
  if (first && (acceptNew || await exists(first))) files.push(first);
  for (const file of others) if (await exists(file)) files.push(file);
  return {
    ...files.length > 0 ? { files } : { text: "" },
    acceptNew,
    hashed: settings.hashKnownHosts ?? false,
    ...hostKeyAlias !== undefined && { alias: hostKeyAlias },
  };
}

function toAcceptNew(
  checking: SshSettings["strictHostKeyChecking"],
  secrets: Secrets,
): boolean | HostKeyVerifier {
  switch (checking) {
    case "yes":
      return false;
    case "ask": {
      const { prompts } = secrets;
      return prompts ? (key) => prompts.confirmHostKey(key) : false;
    }
    default:
      // With `no`, too, a changed key is refused: ssh goes on with a warning.
      return true;
  }
}

function algorithms(settings: SshSettings): Algorithms {
  const chosen: Algorithms = {};
  for (const [name, option, key] of LISTS) {
    const list = settings[key];
    // What is not set has an order of its own, by the host keys that are known.
    if (list === undefined) continue;
    chosen[name] = applyAlgorithmList(
      option,
      list,
      defaultAlgorithms[name],
      supportedAlgorithms[name],
    );
  }
  return chosen;
}

const LISTS = [
  ["cipher", "Ciphers", "ciphers"],
  ["kex", "KexAlgorithms", "kexAlgorithms"],
  ["mac", "MACs", "macs"],
  ["serverHostKey", "HostKeyAlgorithms", "hostKeyAlgorithms"],
] as const;

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    // What may not be looked at is told of when it is read.
    return !(error instanceof Deno.errors.NotFound);
  }
}
