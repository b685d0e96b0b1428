import type { ConfigLine } from "../reader/config_line.ts";
import type { JumpHost, SshSettings } from "../ssh_settings.ts";

/** A value, and the line that it was written in. */
export interface Written<T> {
  /** The value, before tokens, `~` and variables are expanded. */
  readonly value: T;
  /** Its line. */
  readonly line: ConfigLine;
}

/** Options with one value that is taken as it was written. */
export type PlainSettings = Partial<
  Pick<
    SshSettings,
    | "addressFamily"
    | "batchMode"
    | "bindAddress"
    | "caSignatureAlgorithms"
    | "ciphers"
    | "clearAllForwardings"
    | "compression"
    | "connectTimeoutMs"
    | "connectionAttempts"
    | "exitOnForwardFailure"
    | "hashKnownHosts"
    | "hostKeyAlgorithms"
    | "hostKeyAlias"
    | "identitiesOnly"
    | "kbdInteractiveAuthentication"
    | "kexAlgorithms"
    | "logLevel"
    | "macs"
    | "numberOfPasswordPrompts"
    | "passwordAuthentication"
    | "port"
    | "preferredAuthentications"
    | "pubkeyAcceptedAlgorithms"
    | "pubkeyAuthentication"
    | "rekeyBytes"
    | "rekeyMs"
    | "requiredRsaSize"
    | "serverAliveCountMax"
    | "serverAliveIntervalMs"
    | "sessionType"
    | "streamLocalBindUnlink"
    | "strictHostKeyChecking"
    | "tcpKeepAlive"
    | "updateHostKeys"
    | "user"
  >
>;

/** Options with one value that something is still to be done with. */
export interface UnfinishedSettings {
  /** Makes ssh read everything a second time. */
  canonicalizeHostname?: Written<boolean>;
  /** Files or `none`. */
  globalKnownHostsFiles?: Written<readonly string[]>;
  /** With `%h` for the host as it was typed. */
  hostName?: Written<string>;
  /** A path, `none`, `SSH_AUTH_SOCK` or `$NAME`. */
  identityAgent?: Written<string>;
  /** A list of patterns. */
  ignoreUnknown?: Written<string>;
  /** A command or `none`. */
  proxyCommand?: Written<string>;
  /** Empty for `none`. */
  proxyJump?: Written<readonly JumpHost[]>;
  /** A command or `none`. */
  remoteCommand?: Written<string>;
  /** A file or `none`. */
  revokedHostKeys?: Written<string>;
  /** Files or `none`. */
  userKnownHostsFiles?: Written<readonly string[]>;
}

/** What was read so far. */
export interface RawSettings {
  /** The first value of each option that is taken as it was written. */
  readonly plain: { -readonly [K in keyof PlainSettings]: PlainSettings[K] };
  /** The first value of each other option that has one. */
  readonly first: UnfinishedSettings;
  /** `IdentityFile`, each of them; `explicit` as in {@linkcode SshSettings}. */
  readonly identityFiles: (Written<string> & { readonly explicit: boolean })[];
  /** `CertificateFile`, each of them. */
  readonly certificateFiles: Written<string>[];
  /** `RemoteForward`, each of them: what to bind, and what that leads to. */
  readonly remoteForwards: (Written<string> & { readonly connect?: string })[];
  /** What will not be done, by what names it. */
  readonly warnings: Map<string, string>;
}
