/** Options of ssh that have no meaning here. @module */

/**
 * What would have made a difference, so that the user is warned: forwards other
 * than remote ones, ways to log in or to check the host's key, commands, and
 * what the wire is like.
 */
const missing = names(`
  BindInterface CanonicalizeHostname
  ChannelTimeout CheckHostIP DynamicForward
  ForkAfterAuthentication HostbasedAuthentication KnownHostsCommand
  LocalCommand LocalForward NoHostAuthenticationForLocalhost PKCS11Provider
  ProxyUseFdpass RefuseConnection
  SecurityKeyProvider SmartcardDevice Tunnel VerifyHostKeyDNS`);

/**
 * What makes no difference where a session has no terminal and nothing but
 * remote forwards are set up, or only together with an option of {@linkcode missing}; and
 * GSSAPI, which Debian's ssh_config asks for on every machine.
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
  PermitLocalCommand PermitRemoteOpen RequestTTY SendEnv
  SetEnv StdinNull StreamLocalBindMask SyslogFacility Tag
  TunnelDevice UseKeychain VersionAddendum VisualHostKey
  WarnWeakCrypto XAuthLocation`);

/** What ssh itself ignores by now. */
const obsolete = names(`
  AFSTokenPassing Cipher CompressionLevel FallbackToRsh
  GlobalKnownHostsFile2 KerberosAuthentication KerberosTgtPassing Protocol
  RSAAuthentication RhostsAuthentication RhostsRSAAuthentication
  UsePrivilegedPort UseRoaming UseRsh UserKnownHostsFile2`);

/** What an option is turned off by, or left as it is. */
const off = new Set(["no", "false", "none", "default"]);

/** The names of the options that ssh has and that have no meaning here, but for obsolete ones. */
export const knownNames: readonly string[] = [
  ...missing.values(),
  ...harmless.values(),
];

/** Whether ssh has an option of this name, be it obsolete or one of later releases than 9.2. */
export function isKnownOption(keyword: string): boolean {
  return [missing, harmless, obsolete].some((names) => names.has(keyword));
}

/** Whether it would have made a difference with this value. */
export function isMissed(keyword: string, value: string): boolean {
  return missing.has(keyword) && !off.has(value.toLowerCase());
}

/** The names as ssh_config(5) writes them, by their keywords in lower case. */
function names(text: string): ReadonlyMap<string, string> {
  const names = text.trim().split(/\s+/);
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
