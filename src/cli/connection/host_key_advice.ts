import { HostKeyError } from "../../errors.ts";
import { quote } from "../../quote.ts";
import { acceptNewAdvice } from "../../ssh/host_keys/host_key_errors.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";

/**
 * Rewrites the advice of a host key error for ssh_config. Options of the
 * command line apply to the last server only; a jump host needs a `Host` block.
 *
 * @param hops The servers on the way, and the last one.
 */
export function withHostKeyAdvice(
  error: unknown,
  hops: readonly SshSettings[],
): unknown {
  if (!(error instanceof HostKeyError)) return error;
  // As connectThrough() names it, where there are several.
  const [, number] = /^hop (\d+) /.exec(error.message) ?? [];
  const hop = hops[Number(number ?? hops.length) - 1];
  const advice = hop === hops.at(-1)
    ? "or use -o StrictHostKeyChecking=accept-new"
    : `or put into ~/.ssh/config: Host ${hop?.host}, and below it: StrictHostKeyChecking accept-new`;
  const [file] = hop?.userKnownHostsFiles ?? [];
  error.message = error.message.replace(acceptNewAdvice, () => advice);
  // No file exists yet, so the library does not know one.
  if (file !== undefined) {
    error.message = error.message
      .replace(" >> known_hosts)", () => ` >> ${quote(file)})`);
  }
  return error;
}
