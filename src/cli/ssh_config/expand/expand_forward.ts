import { ArgumentError } from "../../../errors.ts";
import type { ForwardSpec } from "../../command_line/values/forward_spec.ts";
import { thisMachine } from "../local_machine.ts";
import type { SshSettings } from "../ssh_settings.ts";
import { expandTokens } from "./expand.ts";
import { destinationTokens } from "./tokens.ts";

/**
 * Expands the tokens in the paths of a `-R`, as ssh does.
 *
 * @throws {ArgumentError} if there is no such token.
 */
export async function expandForward(
  forward: ForwardSpec,
  { host, hostName, port, user, hostKeyAlias = host }: SshSettings,
): Promise<ForwardSpec> {
  const tokens = destinationTokens(thisMachine, {
    ...{ host: hostName, originalHost: host, port, keyAlias: hostKeyAlias },
    user: () => user,
  });
  const line = { error: (what: string) => new ArgumentError("-R", what) };
  const expand = async <T extends object | string>(end: T) =>
    typeof end === "object" && "path" in end
      ? { ...end, path: await expandTokens(`${end.path}`, line, tokens) }
      : end;
  const { bind, target } = forward;
  return { ...forward, bind: await expand(bind), target: await expand(target) };
}
