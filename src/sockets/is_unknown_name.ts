/**
 * Whether connecting failed because a name has no address: Deno has no class for
 * that. The path of a socket, which follows the system's words, is not looked at.
 */
export function isUnknownName({ message }: Error): boolean {
  return /^[^'"(]*(?:lookup|resolve|no address)/i.test(message);
}
