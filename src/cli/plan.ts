import { ArgumentError, ForwardDeniedError } from "../errors.ts";
import { defined } from "../defined.ts";
import type {
  SessionMode,
  SupervisedTunnel,
} from "../forward/supervise/supervisor_options.ts";
import { formatBind, isTcp } from "../ssh/bind.ts";
import type { NoDelay } from "../ssh/no_delay.ts";
import type { Engine } from "../ssh/engine.ts";
import type { ProxyAddress } from "../ssh/dial/proxy/proxy_address.ts";
import { nativeEngine } from "../ssh/native/native_engine.ts";
import type { Arguments, FallbackServer } from "./command_line/arguments.ts";
import {
  type ForwardOptions,
  mergeForwardOptions,
} from "./command_line/values/forward_options.ts";
import {
  type ForwardSpec,
  parseRemoteForward,
  withoutDuplicates,
} from "./command_line/values/forward_spec.ts";
import { setting } from "./command_line/setting.ts";
import { resolveHops } from "./connection/resolve_hops.ts";
import { expandForward } from "./ssh_config/expand/expand_forward.ts";
import { thisMachine } from "./ssh_config/local_machine.ts";
import { resolveSshConfig } from "./ssh_config/resolve_ssh_config.ts";
import type { SshSettings } from "./ssh_config/ssh_settings.ts";

/** What to do according to the command line and the configuration. */
export interface Plan {
  readonly settings: SshSettings;
  /** The servers on the way, and the destination as the last. */
  readonly hops: readonly SshSettings[];
  /** The same for the servers of `--fallback`. */
  readonly fallbacks: readonly (readonly SshSettings[])[];
  /** The proxy on the way to the first hop of each, or that of the environment. */
  readonly proxy?: ProxyAddress | "env" | undefined;
  readonly forwards: readonly ForwardSpec[];
  readonly session: SessionMode;
  readonly engine: Engine;
  readonly noDelay?: NoDelay | undefined;
}

/**
 * Reads the configuration.
 *
 * @throws {ArgumentError} if it is not valid.
 * @throws {RForwardError} `permission-denied` if Deno may not read what it needs.
 */
export async function readConfig(
  args: Arguments,
): Promise<Pick<Plan, "settings" | "forwards">> {
  const missing = await missingFiles(args.identities);
  const settings = await resolve(args, missing, args.configFile);
  const forwards = settings.clearAllForwardings ? [] : withoutDuplicates([
    ...await Promise.all(
      args.forwards.map((forward) => expandForward(forward, settings)),
    ),
    ...settings.remoteForwards.map(parseRemoteForward),
  ]).map((forward) => withOptions(forward, args.forwardOptions));
  const warnings = [
    ...missing.map((file) => `-i: Identity file ${file} not accessible`),
    ...settings.warnings,
  ];
  return { settings: { ...settings, warnings }, forwards };
}

/** The settings for a server, without missing files of `-i`, as in ssh. */
function resolve(
  { host, settings }: FallbackServer,
  missing: readonly string[],
  configFile: string | undefined,
): Promise<SshSettings> {
  const left = new Set(missing.map((file) => setting("IdentityFile", file)));
  const options = settings.filter((line) => !left.has(line));
  return resolveSshConfig({ host, options, configFile });
}

/** @throws {ArgumentError} if an option cannot apply to the forward. */
function withOptions(forward: ForwardSpec, all: ForwardOptions): ForwardSpec {
  const options = mergeForwardOptions(all, forward.options);
  const { allow, deny } = options.admission ?? {};
  if (!isTcp(forward.bind) && (allow ?? deny)) {
    throw new ArgumentError(
      allow ? "--allow" : "--deny",
      `the server does not report who connects to a Unix socket (${forward.text}); put the option after the -R that it is for`,
    );
  }
  if (forward.target === "socks") {
    const { checkTarget, proxyProtocol } = forward.options ?? {};
    if (checkTarget ?? proxyProtocol) {
      throw new ArgumentError(
        checkTarget ? "--check-target" : "--proxy-protocol",
        `a SOCKS proxy (${forward.text}) has no target of its own; put the option after the -R that it is for`,
      );
    }
    delete options.checkTarget;
  }
  return { ...forward, options };
}

/** The files that do not exist. */
async function missingFiles(files: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const file of files) {
    try {
      await Deno.stat(file.replace(/^~(?=\/)/, () => thisMachine.home));
    } catch (error) {
      // If Deno may not look, reading the file says so.
      if (!(error instanceof Deno.errors.NotCapable)) missing.push(file);
    }
  }
  return missing;
}

/**
 * Reads the configuration, including that of the servers on the way.
 *
 * @throws like {@linkcode readConfig}, and if there is nothing to forward.
 * @throws {ForwardDeniedError} if one forward has the port of another, and all of them have to be.
 */
export async function readPlan(args: Arguments): Promise<Plan> {
  const { settings, forwards } = await readConfig(args);
  if (forwards.length === 0) {
    throw new ArgumentError(
      "-R",
      "nothing is to be forwarded; use -R [bind:]port:host:hostport, or RemoteForward in ssh_config",
    );
  }
  const { accepted, denied } = withoutClashes(forwards);
  if (settings.exitOnForwardFailure && denied[0]) throw denied[0];
  const session = sessionOf(args, settings);
  const fallbacks = await readFallbacks(args);
  const hops = await resolveHops(settings, args.configFile);
  const warnings = [
    ...settings.warnings,
    ...settings.sessionType === "subsystem"
      ? ["SessionType subsystem: subsystems are not supported"]
      : [],
    ...settings.compression && args.engine === "ssh2"
      ? ["Compression yes: the ssh2 engine does not compress"]
      : [],
    ...args.remoteCommand !== undefined && session === "never"
      ? [`${args.remoteCommand}: not run, as -N, SessionType or --session says`]
      : [],
    ...args.proxy === undefined ? [] : withoutProxy([hops, ...fallbacks]),
    ...denied.map(({ message }) => `Warning: ${message}`),
  ];
  return {
    settings: { ...settings, warnings },
    hops,
    fallbacks,
    proxy: args.proxy,
    forwards: accepted,
    session,
    engine: await loadEngine(args.engine),
    noDelay: args.noDelay,
  };
}

/** The ways to the servers of `--fallback`. */
async function readFallbacks(
  { fallbacks, configFile, identities }: Arguments,
): Promise<SshSettings[][]> {
  if (fallbacks.length === 0) return [];
  const missing = await missingFiles(identities);
  return await Promise.all(fallbacks.map(async (server) => {
    const settings = await resolve(server, missing, configFile);
    return await resolveHops(settings, configFile);
  }));
}

/** What does not count beside `--proxy`. */
function withoutProxy(ways: readonly (readonly SshSettings[])[]): string[] {
  return ways.flatMap(([first]) => [
    ...first?.proxyCommand === undefined
      ? []
      : [`ProxyCommand: not used for ${first.host}, as --proxy says`],
    ...first?.bindAddress === undefined
      ? []
      : [`BindAddress: not used for ${first.host} with --proxy`],
  ]);
}

/** The second engine is loaded only where it is named. */
async function loadEngine(name: Arguments["engine"]): Promise<Engine> {
  return name === "ssh2"
    ? (await import("../ssh/ssh2/mod.ts")).ssh2
    : nativeEngine;
}

/**
 * When to open a session: as `--session` says, otherwise as in ssh, except that
 * where ssh opens a shell, it is opened only if the server needs it.
 *
 * @throws {ArgumentError} if there are two commands.
 */
function sessionOf(
  { session, remoteCommand: typed }: Arguments,
  { sessionType, remoteCommand: configured }: SshSettings,
): SessionMode {
  if (session === "never") return session;
  if (session === undefined && sessionType === "none") return "never";
  // RemoteCommand is the name of the subsystem then.
  if (sessionType === "subsystem") configured = undefined;
  if (typed !== undefined && configured !== undefined) {
    throw new ArgumentError(
      typed,
      `RemoteCommand of the configuration is another command: ${configured}`,
    );
  }
  const command = typed ?? (session === undefined ? configured : undefined);
  return command === undefined ? session ?? "auto" : { command };
}

/** Separates forwards that the server would deny because an earlier one has the same port or path. */
function withoutClashes(
  forwards: readonly ForwardSpec[],
): { accepted: ForwardSpec[]; denied: ForwardDeniedError[] } {
  const holders = new Map<string, ForwardSpec>();
  const accepted: ForwardSpec[] = [];
  const denied: ForwardDeniedError[] = [];
  for (const forward of forwards) {
    const { bind, text } = forward;
    const holder = holders.get(formatBind(bind));
    if (holder === undefined) {
      accepted.push(forward);
      if (!isTcp(bind) || bind.port > 0) holders.set(formatBind(bind), forward);
    } else {
      denied.push(
        new ForwardDeniedError(
          bind,
          `remote port forwarding failed for ${text}: ${holder.text} has the same ${
            isTcp(bind) ? "port" : "path"
          }`,
        ),
      );
    }
  }
  return { accepted, denied };
}

/** The settings that do not affect the connection. */
const BESIDE: readonly string[] = [
  "remoteForwards",
  "permitRemoteOpen",
  "clearAllForwardings",
  "logLevel",
  "warnings",
] satisfies (keyof SshSettings)[];

/** Whether both plans can use the same connection. */
export function isSameConnection(a: Plan, b: Plan): boolean {
  const connection = ({ hops, fallbacks, proxy }: Plan) =>
    JSON.stringify(
      [hops, fallbacks, proxy],
      (name, value) => BESIDE.includes(name) ? undefined : value,
    );
  return connection(a) === connection(b);
}

/** The plan's tunnels. */
export function tunnelsOf({ settings, forwards }: Plan): SupervisedTunnel[] {
  const { permitRemoteOpen = "any" } = settings;
  return forwards.map(({ bind, target, options }) => ({
    bind,
    target: target === "socks"
      ? { socks: { permit: permitRemoteOpen } }
      : defined({ ...target, proxyProtocol: options?.proxyProtocol }),
    ...defined({
      admission: options?.admission,
      checkTarget: options?.checkTarget,
    }),
    // In ssh this concerns local sockets; here it concerns those on the server.
    unlinkStale: settings.streamLocalBindUnlink ?? false,
  }));
}
