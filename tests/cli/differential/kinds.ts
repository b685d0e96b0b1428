/** A line that only says more about another one. */
const more =
  /^(debug\d: |OpenSSH_|Authenticated |Allocated port |Transferred: |Bytes per second: |\[-|See rforward| {2}|unverifiable$|@{59}$|#\d|Killed by signal|no such identity: |removed the stale socket )/;

/**
 * What kinds of complaints there are: how `ssh` says it, or how `rforward`
 * does. The errors of the latter come with their code in front.
 */
const kinds: [kind: string, pattern: RegExp][] = [
  ["half-bound", /^half-bound$/],
  ["forward refused", /remote port forwarding failed|^forward-denied: /],
  [
    "target failed",
    /^connect_to .* (failed|unknown host)|^connect to .* port -2 failed|^target-(refused|timeout|unreachable|failed): /,
  ],
  ["connection refused", /: Connection refused|refused the connection/],
  ["host not found", /^ssh: Could not resolve hostname|^host-not-found: /],
  ["no address of ours", /^bind .*: Cannot assign|^connect-failed: .*: bind /],
  ["timeout", / timed out|^connect-timeout: /],
  [
    "server silent",
    /^Timeout, server|^connection-lost: the server was silent/,
  ],
  ["connection lost", / closed by remote host\.$|^connection-lost: /],
  [
    "no SSH",
    /^kex_exchange_identification: |^protocol-error: .* SSH (server|2)/,
  ],
  ["no common algorithm", /^Unable to negotiate | have no .* in common: /],
  [
    "no such algorithm",
    /^Unknown (cipher|mac) type|^Unsupported KEX algorithm|Bad SSH2 (cipher|MAC) spec|Bad key types|leaves nothing of |no such algorithm/,
  ],
  [
    "login refused",
    /: Permission denied \(|Too many authentication failures$|^authentication-failed: |needs a passphrase, and there is no terminal/,
  ],
  ["host key changed", /IDENTIFICATION HAS CHANGED|^host-key-changed: /],
  ["host key revoked", /REVOKED HOST KEY|revoked by file|^host-key-revoked: /],
  [
    "no host key accepted",
    /^Error checking host key|no host key is accepted/,
  ],
  [
    "host key unknown",
    /host key is known for|The host key of .* is not known|^Host key verification failed|^host-key-unknown: /,
  ],
  ["host key added", /^Warning: Permanently added|is new: accepted its/],
  [
    "host key not written",
    /^Failed to add the host|Cannot write the known_hosts/,
  ],
  [
    "agent refused",
    /^sign_and_send_pubkey: .* from agent|the SSH agent failed: /,
  ],
  ["key file missing", /Identity file .* not accessible/],
  [
    "key open to others",
    /UNPROTECTED PRIVATE KEY FILE|others may read /,
  ],
  ["key unusable", /^Load key |^Going on without a key: /],
  [
    "command not found",
    // dash writes its line in pieces, and ssh in between.
    /sh: .*(: not found|: No such file or directory)$|^\S*sh: \d+: /,
  ],
  ["jump loop", /^jumphost loop |through itself$/],
  ["bad forward", /Bad (remote )?forwarding spec|: expected /],
  ["bad port", /^Bad port |is not a valid port; /],
  [
    "bad host",
    /^hostname contains invalid|^rforward: destination: .*(not a valid host|has a port)/,
  ],
  ["no destination", /^usage: ssh|name the server/],
  ["value missing", /^option requires an argument|a value is missing/],
  ["unknown option", /unknown option/],
  [
    "bad configuration",
    /Bad number |RekeyLimit too small|Bad configuration option|unsupported option|no argument after|invalid time|is not an option of ssh|: (\w+ )?(cannot be|has no argument)/,
  ],
  ["file unreadable", /^Can't open user config|cannot read the file/],
  ["file unwritable", /^Couldn't open logfile|cannot write to /],
  ["not done here", /use ssh|not supported|nothing is to be forwarded/],
  ["no effect here", /has no effect here$|^-[A-Z]: /],
];

/**
 * Of what kind the first complaint is.
 *
 * @returns undefined without a complaint; the complaint itself if its kind is unknown.
 */
export function complaint(said: readonly string[]): string | undefined {
  const first = said.find((line) => !more.test(line) && line !== "");
  return first &&
    (kinds.find(([, pattern]) => pattern.test(first))?.[0] ?? first);
}
