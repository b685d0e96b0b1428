/**
 * Reasons that do not depend on the user, so that another attempt may
 * succeed (RFC 4253 section 11.1): a protocol error, a failed key exchange, a
 * bad MAC, a service that is not available, a lost connection, the end by the
 * application, too many connections.
 */
const TRANSIENT: readonly number[] = [2, 3, 5, 7, 10, 11, 12];

/**
 * Whether a server that disconnected during the login may let the same user in
 * later; otherwise it has refused the login.
 *
 * @param reason The reason code of SSH_MSG_DISCONNECT.
 * @param description What the server wrote beside it.
 */
export function isTransientDisconnect(
  reason: number,
  description: string,
): boolean {
  // sshd reports MaxAuthTries as a protocol error.
  return TRANSIENT.includes(reason) &&
    !/too many authentication failures/i.test(description);
}
