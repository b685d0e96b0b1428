/** Options of ssh that have no effect here. @module */

/**
 * Those that would make a difference, so that the user is warned: forwards
 * other than remote ones, ways to log in or to check the host key, commands.
 */
const missing = names(`
  BindInterface CanonicalizeHostname
  ChannelTimeout CheckHostIP DynamicForward
  ForkAfterAuthentication HostbasedAuthentication KnownHostsCommand
  LocalCommand LocalForward NoHostAuthenticationForLocalhost PKCS11Provider
  ProxyUseFdpass RefuseConnection
  SecurityKeyProvider SmartcardDevice Tunnel VerifyHostKeyDNS`);

/**
 * Those that make no difference where a session has no terminal and all
 * forwards are remote ones, or only together with an option of
 * {@linkcode missing}; and GSSAPI, which Debian's ssh_config turns on on every
 * machine.
 */
const harmless = names(`
  AddKeysToAgent CanonicalDomains CanonicalizeFallbackLocal
  CanonicalizeMaxDots CanonicalizePermittedCNAMEs ControlMaster ControlPath
  ControlPersist EnableEscapeCommandline EnableSSHKeysign EscapeChar
  FingerprintHash ForwardAgent ForwardX11
  ForwardX11Timeout ForwardX11Trusted GSSAPIAuthentication
  GSSAPIClientIdentity GSSAPIDelegateCredentials GSSAPIKeyExchange
  GSSAPIKexAlgorithms GSSAPIRenewalForcesRekey GSSAPIServerIdentity
  GSSAPITrustDns GatewayPorts HostbasedAcceptedAlgorithms HostbasedKeyTypes
  IPQoS KbdInteractiveDevices LogVerbose ObscureKeystrokeTiming
  PermitLocalCommand RequestTTY SendEnv
  SetEnv StdinNull StreamLocalBindMask SyslogFacility Tag
  TunnelDevice UseKeychain VersionAddendum VisualHostKey
  WarnWeakCrypto XAuthLocation`);

/** Those that ssh itself ignores. */
const obsolete = names(`
  AFSTokenPassing Cipher CompressionLevel FallbackToRsh
  GlobalKnownHostsFile2 KerberosAuthentication KerberosTgtPassing Protocol
  RSAAuthentication RhostsAuthentication RhostsRSAAuthentication
  UsePrivilegedPort UseRoaming UseRsh UserKnownHostsFile2`);

/** The values that turn an option off, or leave its default. */
const off = new Set(["no", "false", "none", "default"]);

/** The names of those that ssh does not ignore itself. */
export const namesWithoutEffect: readonly string[] = [
  ...missing.values(),
  ...harmless.values(),
];

/** The names of those that it does. */
export const obsoleteNames: readonly string[] = [...obsolete.values()];

/** Whether ssh has an option of this name without effect here, obsolete or of a release after 9.2. */
export function isKnownOption(keyword: string): boolean {
  return [missing, harmless, obsolete].some((names) => names.has(keyword));
}

/** Whether it would make a difference with this value. */
export function isMissed(keyword: string, value: string): boolean {
  return missing.has(keyword) && !off.has(value.toLowerCase());
}

/** The names as ssh_config(5) writes them, by their keywords in lower case. */
function names(text: string): ReadonlyMap<string, string> {
  const names = text.trim().split(/\s+/);
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
