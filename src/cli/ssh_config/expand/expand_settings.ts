import { expandTilde, expandTokens, type Tokens } from "./expand.ts";
import type { LocalMachine } from "../local_machine.ts";
import type { RawSettings, Written } from "../options/raw_settings.ts";
import type { IdentityFile, JumpHost, SshSettings } from "../ssh_settings.ts";
import { destinationTokens } from "./tokens.ts";

/** The keys that ssh looks for when none is named, in its order. */
const defaultKeys = [
  "rsa",
  "ecdsa",
  "ecdsa_sk",
  "ed25519",
  "ed25519_sk",
  "xmss",
  "dsa",
];

/** What values are expanded with. */
interface Scope {
  readonly machine: LocalMachine;
  readonly tokens: Tokens;
}

/**
 * Expands what was read, and adds ssh's defaults for files.
 *
 * @param host The host as it was typed.
 * @param hostName The host to connect to.
 * @throws {ArgumentError} if something cannot be expanded, or a jump leads to the destination itself.
 */
export async function expandSettings(
  raw: RawSettings,
  host: string,
  hostName: string,
  machine: LocalMachine,
): Promise<SshSettings> {
  const { plain, first } = raw;
  const { user = machine.userName, port = 22 } = plain;
  const tokens = destinationTokens(machine, {
    host: hostName,
    originalHost: host,
    port,
    user: () => user,
    keyAlias: plain.hostKeyAlias ?? host,
  });
  const scope = { machine, tokens };
  const identityAgent = await agentSocket(first.identityAgent, scope);
  const proxyCommand = await expandCommand(
    first.proxyCommand,
    proxyTokens(tokens),
  );
  const remoteCommand = await expandCommand(first.remoteCommand, tokens);
  const proxyJump = await expandProxyJump(first.proxyJump, tokens);
  const last = proxyJump.at(-1);
  if (
    last?.host === hostName && (last.port ?? 22) === port &&
    (last.user ?? user) === user
  ) {
    throw first.proxyJump?.line.error(`leads to ${hostName} through itself`);
  }
  return {
    // As in ssh, only for files that were not chosen by the user.
    updateHostKeys: first.userKnownHostsFiles ? "no" : "yes",
    ...plain,
    host,
    hostName,
    user,
    port,
    ...identityAgent && { identityAgent },
    ...proxyCommand && { proxyCommand },
    ...remoteCommand && { remoteCommand },
    ...proxyJump.length > 0 && { proxyJump },
    identityFiles: await expandIdentityFiles(raw, scope),
    certificateFiles: await Promise.all(
      withoutNone(raw.certificateFiles).map((file) => expandPath(file, scope)),
    ),
    userKnownHostsFiles: await knownHostsFiles(
      first.userKnownHostsFiles,
      () => ["", "2"].map((end) => `${machine.home}/.ssh/known_hosts${end}`),
      (file) => expandPath(file, scope),
    ),
    globalKnownHostsFiles: await knownHostsFiles(
      first.globalKnownHostsFiles,
      () => ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
      ({ value, line }) => expandTilde(value, line, machine),
    ),
    ...first.revokedHostKeys && !isNone(first.revokedHostKeys) && {
      revokedHostKeys: first.revokedHostKeys.value,
    },
    remoteForwards: plain.clearAllForwardings
      ? []
      : await Promise.all(raw.remoteForwards.map(async (forward) => {
        const connect = forward.connect &&
          await expandSocketPath(forward.connect, forward, tokens);
        return {
          listen: await expandSocketPath(forward.value, forward, tokens),
          ...connect && { connect },
          where: forward.line.where,
        };
      })),
    warnings: [...raw.warnings.values()],
  };
}

/** `~`, tokens and variables, in this order. */
function expandPath(
  { value, line }: Written<string>,
  { machine, tokens }: Scope,
): Promise<string> {
  const path = expandTilde(value, line, machine);
  return expandTokens(path, line, tokens, (name) => machine.env(name));
}

/** Of a forward's two ends, tokens are expanded in those that are paths. */
async function expandSocketPath(
  end: string,
  { line }: Written<string>,
  tokens: Tokens,
): Promise<string> {
  return end.includes("/") ? await expandTokens(end, line, tokens) : end;
}

/** @returns the agent's socket, if there is to be one. */
async function agentSocket(
  written: Written<string> | undefined,
  scope: Scope,
): Promise<string | undefined> {
  const agent = written ? await expandPath(written, scope) : "SSH_AUTH_SOCK";
  if (agent === "none") return undefined;
  const variable = agent === "SSH_AUTH_SOCK" ? `$${agent}` : agent;
  return /^\$(?!\{)/.test(variable)
    ? scope.machine.env(variable.slice(1))
    : agent;
}

async function expandCommand(
  written: Written<string> | undefined,
  tokens: Tokens,
): Promise<string | undefined> {
  if (written === undefined || isNone(written)) return undefined;
  return await expandTokens(written.value, written.line, tokens);
}

async function expandProxyJump(
  written: Written<readonly JumpHost[]> | undefined,
  tokens: Tokens,
): Promise<JumpHost[]> {
  if (written === undefined) return [];
  const expand = (text: string) =>
    expandTokens(text, written.line, proxyTokens(tokens));
  return await Promise.all(written.value.map(async (hop) => ({
    ...hop,
    host: await expand(hop.host),
    ...hop.user !== undefined && { user: await expand(hop.user) },
  })));
}

/** Those that ssh knows in `ProxyCommand` and `ProxyJump`. */
function proxyTokens(tokens: Tokens): Tokens {
  const known = Object.entries(tokens).filter(([key]) => "hnpr".includes(key));
  return Object.fromEntries(known);
}

async function expandIdentityFiles(
  { identityFiles }: RawSettings,
  scope: Scope,
): Promise<IdentityFile[]> {
  if (identityFiles.length === 0) {
    return defaultKeys.map((type) => ({
      path: `${scope.machine.home}/.ssh/id_${type}`,
      explicit: false,
    }));
  }
  return await Promise.all(
    withoutNone(identityFiles).map(async (file) => ({
      path: await expandPath(file, scope),
      explicit: file.explicit,
    })),
  );
}

async function knownHostsFiles(
  written: Written<readonly string[]> | undefined,
  defaults: () => readonly string[],
  expand: (file: Written<string>) => string | Promise<string>,
): Promise<readonly string[]> {
  if (written === undefined) return defaults();
  const { value, line } = written;
  const files = withoutNone(value.map((file) => ({ value: file, line })));
  return await Promise.all(files.map(expand));
}

function withoutNone<T extends Written<string>>(files: readonly T[]): T[] {
  return files.filter((file) => !isNone(file));
}

function isNone({ value }: Written<string>): boolean {
  return value.toLowerCase() === "none";
}
