import type { Logger } from "../../logger.ts";
import type { Engine } from "../../ssh/engine.ts";
import { connectThrough } from "../../ssh/connect_through.ts";
import type { NoDelay, SshConnection } from "../../ssh/connection.ts";
import type {
  HostKeyVerifier,
  KnownHostsOptions,
} from "../../ssh/host_keys/host_keys.ts";
import { signatureAlgorithms } from "../../ssh/keys/public/verify_signature.ts";
import type { Algorithms } from "../../ssh/algorithms.ts";
import type { ConnectOptions, PrivateKey } from "../../ssh/options.ts";
import type { Dial } from "../../ssh/dial/transport.ts";
import { dialFrom } from "../../ssh/dial/dial_from.ts";
import { withHostKeyAdvice } from "./host_key_advice.ts";
import { othersMayRead } from "./others_may_read.ts";
import { dialByCommand } from "./proxy_command.ts";
import { LoginSecrets, type Secrets } from "./secrets.ts";
import { applyAlgorithmList } from "../ssh_config/options/algorithm_list.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";
import { Prompts } from "../terminal/prompts.ts";

/** Where a new host key is written down that nobody is to keep. */
const NOWHERE = Deno.build.os === "windows" ? "NUL" : "/dev/null";

/** What a connection is made with, beside the settings. */
export interface ConnectContext {
  /** What speaks SSH's transport layer. */
  readonly engine: Engine;
  /** What to do about Nagle's algorithm on the server. */
  readonly noDelay?: NoDelay | undefined;
  /** Who answers the questions of a login. */
  readonly secrets: Secrets;
  /** Where the connections tell what happens. */
  readonly logger: Logger;
  /** Told what a server says before the login, unless it said the same the last time. */
  readonly onBanner: (text: string) => void;
}

/**
 * Works out how to connect as the settings say.
 *
 * @param hops The servers on the way, and the one it leads to.
 * @returns makes the connection, each time anew.
 * @throws {ArgumentError} if the settings of one cannot be used.
 */
export function planConnection(
  hops: readonly SshSettings[],
  { engine, noDelay, secrets, logger, onBanner }: ConnectContext,
): (signal: AbortSignal) => Promise<SshConnection> {
  for (const hop of hops) algorithms(hop, engine); // so that a mistake is told at once
  const banners: string[] = [];
  const tellBanner = (hop: number) => (text: string) => {
    if (banners[hop] !== text) onBanner(banners[hop] = text);
  };
  return async (signal) => {
    const over = new AbortController();
    // A question does not outlive the login that it is for.
    const until = AbortSignal.any([signal, over.signal]);
    const prompts = secrets.asker && new Prompts(secrets.asker, until);
    try {
      const options: ConnectOptions[] = [];
      for (const [i, hop] of hops.entries()) {
        const answers = new LoginSecrets(secrets, {
          user: hop.user,
          host: hop.hostName,
          // Seen from another hop, the same name may be another machine.
          server: `${i} ${hop.hostName} ${hop.port}`,
          prompts: hop.batchMode ? undefined : prompts,
          logger,
        });
        options.push({
          ...await toConnectOptions(hop, answers, logger),
          engine,
          algorithms: algorithms(hop, engine),
          // The others are reached from the one before.
          ...i === 0 && dialling(hop),
          // A server on the way may allow no commands.
          ...i === hops.length - 1 && noDelay && { noDelay },
          onBanner: tellBanner(i),
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
  const { hostName: host, port, user, rekeyLimit } = settings;
  const family = familyOf(settings);
  return {
    hostname: host,
    port,
    user,
    hostKeys: await hostKeys(settings, answers),
    ...await login(settings, answers, logger),
    ...settings.requiredRsaSize && { minRsaBits: settings.requiredRsaSize },
    ...settings.connectTimeoutMs && {
      connectTimeoutMs: settings.connectTimeoutMs,
    },
    ...family && { addressFamily: family },
    rekey: {
      ...rekeyLimit?.bytes && { bytes: rekeyLimit.bytes },
      ...rekeyLimit?.ms && { ms: rekeyLimit.ms },
    },
    keepalive: {
      ...settings.serverAliveIntervalMs !== undefined && {
        intervalMs: settings.serverAliveIntervalMs,
      },
      ...settings.serverAliveCountMax !== undefined && {
        countMax: settings.serverAliveCountMax,
      },
    },
  };
}

/** How to reach the first server. */
function dialling(
  settings: SshSettings,
): Pick<ConnectOptions, "dial" | "connectionAttempts"> {
  const { proxyCommand, bindAddress, connectionAttempts } = settings;
  if (proxyCommand !== undefined) {
    const dial: Dial = async (to) => await dialByCommand(proxyCommand, to);
    return { dial };
  }
  return {
    ...connectionAttempts !== undefined && { connectionAttempts },
    ...bindAddress !== undefined && {
      dial: dialFrom(bindAddress, familyOf(settings)),
    },
  };
}

function familyOf({ addressFamily = "any" }: SshSettings): 4 | 6 | undefined {
  return { any: undefined, inet: 4 as const, inet6: 6 as const }[addressFamily];
}

/** How to log in: keys, the agent, and whom to ask. */
async function login(
  settings: SshSettings,
  answers: LoginSecrets,
  logger: Logger,
): Promise<LoginOptions> {
  const { identityAgent, preferredAuthentications } = settings;
  const wanted = (method: string, on = true) =>
    on && (preferredAuthentications?.includes(method) ?? true);
  const keys = await Promise.all(
    settings.identityFiles.map(async ({ path }) => ({
      file: identityAgent === undefined ? path : await privateOrPublic(path),
      // As in ssh, one that is missing or broken is no reason to end.
      optional: true,
    })),
  );
  const options: LoginOptions = {};
  if (wanted("publickey", settings.pubkeyAuthentication)) {
    const own: PrivateKey[] = [];
    options.privateKeys = own;
    for (const key of keys) {
      const { file } = key;
      // A public half says which key of the agent is meant, if there is one.
      if (!file.endsWith(".pub") && await othersMayRead(file)) {
        logger.warn(
          `Going on without a key: others may read ${file}; run chmod 600 on it`,
        );
        continue;
      }
      own.push({
        ...key,
        passphrase: () => answers.passphrase(file),
      });
    }
    if (identityAgent !== undefined) options.agent = identityAgent;
    const certificates = settings.certificateFiles
      .map((file) => ({ file, optional: true }));
    if (certificates.length > 0) options.certificates = certificates;
    if (settings.identitiesOnly) options.agentKeys = [...keys, ...certificates];
  }
  // Without a terminal too: there are servers that log in so and ask nothing.
  if (
    !settings.batchMode && answers.mayTryKeyboardInteractive &&
    wanted("keyboard-interactive", settings.kbdInteractiveAuthentication)
  ) {
    options.keyboardInteractive = answers.keyboardInteractive;
  }
  if (
    answers.mayAnswer && wanted("password", settings.passwordAuthentication)
  ) {
    options.password = () => answers.password();
    options.changePassword = (said) => answers.newPassword(said);
  }
  if (settings.numberOfPasswordPrompts !== undefined) {
    options.maxPrompts = settings.numberOfPasswordPrompts;
  }
  return options;
}

/** The file of a key; of its public half where there is only that, and an agent may have the key. */
async function privateOrPublic(path: string): Promise<string> {
  if (await exists(path)) return path;
  const publicHalf = `${path}.pub`;
  return await exists(publicHalf) ? publicHalf : path;
}

type LoginOptions = Pick<
  ConnectOptions,
  | "privateKeys"
  | "certificates"
  | "agent"
  | "agentKeys"
  | "keyboardInteractive"
  | "password"
  | "changePassword"
  | "maxPrompts"
>;

async function hostKeys(
  settings: SshSettings,
  answers: LoginSecrets,
): Promise<KnownHostsOptions> {
  const {
    hostKeyAlias,
    strictHostKeyChecking = "ask",
    revokedHostKeys,
    caSignatureAlgorithms,
    updateHostKeys,
  } = settings;
  const acceptNew = toAcceptNew(strictHostKeyChecking, answers);
  // Those that are missing hold no keys, which is no mistake. The first is
  // where a new key is written down, and made for that.
  const [first, ...others] = settings.userKnownHostsFiles;
  const files: string[] = [];
  if (first && (acceptNew || await exists(first))) files.push(first);
  for (const file of [...others, ...settings.globalKnownHostsFiles]) {
    if (await exists(file)) files.push(file);
  }
  // The system's file is not this command's to write.
  if (!first && acceptNew && files.length > 0) files.unshift(NOWHERE);
  return {
    files,
    // Nothing can be asked in the middle of a session.
    ...updateHostKeys === "yes" && {
      updateFiles: settings.userKnownHostsFiles
        .filter((file) => files.includes(file)),
    },
    ...revokedHostKeys && { revokedKeys: [revokedHostKeys] },
    ...caSignatureAlgorithms && {
      authorityAlgorithms: applyAlgorithmList(
        "CASignatureAlgorithms",
        caSignatureAlgorithms,
        Object.keys(signatureAlgorithms),
      ),
    },
    acceptNew,
    hashed: settings.hashKnownHosts ?? false,
    ...hostKeyAlias !== undefined && { alias: hostKeyAlias },
  };
}

function toAcceptNew(
  checking: SshSettings["strictHostKeyChecking"],
  answers: LoginSecrets,
): boolean | HostKeyVerifier {
  switch (checking) {
    case "yes":
      return false;
    case "ask":
      return answers.mayAccept && ((key) => answers.hostKey(key));
    default:
      // With `no`, too, a changed key is refused: ssh goes on with a warning.
      return true;
  }
}

function algorithms(settings: SshSettings, engine: Engine): Algorithms {
  const chosen: Algorithms = {};
  if (settings.compression) {
    // As in ssh, a preference: whoever cannot compress does without.
    chosen.compression = engine.supportedAlgorithms.compression.toReversed();
  }
  for (const [name, option, key] of LISTS) {
    const list = settings[key];
    // What is not set has an order of its own, by the host keys that are known.
    if (list === undefined) continue;
    chosen[name] = applyAlgorithmList(
      option,
      list,
      engine.defaultAlgorithms[name],
      engine.supportedAlgorithms[name],
    );
  }
  return chosen;
}

const LISTS = [
  ["cipher", "Ciphers", "ciphers"],
  ["kex", "KexAlgorithms", "kexAlgorithms"],
  ["mac", "MACs", "macs"],
  ["serverHostKey", "HostKeyAlgorithms", "hostKeyAlgorithms"],
  ["userKey", "PubkeyAcceptedAlgorithms", "pubkeyAcceptedAlgorithms"],
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
