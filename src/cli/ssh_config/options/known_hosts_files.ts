import { expandTilde } from "../expand/expand.ts";
import { expandPath, withoutNone } from "../expand/expand_values.ts";
import { once, type Option, type Scope, type Written } from "./option.ts";
import { files } from "./value_types.ts";

type Files = Option<readonly string[], readonly string[]>;

/** `UserKnownHostsFile` */
export const userKnownHostsFiles: Files = once(
  "UserKnownHostsFile",
  files,
  (written, scope) =>
    expandFiles(
      written,
      () =>
        ["", "2"].map((end) => `${scope.machine.home}/.ssh/known_hosts${end}`),
      (file) => expandPath(file, scope),
    ),
);

/** `GlobalKnownHostsFile`, which takes no tokens. */
export const globalKnownHostsFiles: Files = once(
  "GlobalKnownHostsFile",
  files,
  (written, { machine }: Scope) =>
    expandFiles(
      written,
      () => ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
      ({ value, line }) => expandTilde(value, line, machine),
    ),
);

async function expandFiles(
  written: Written<readonly string[]> | undefined,
  defaults: () => readonly string[],
  expand: (file: Written<string>) => string | Promise<string>,
): Promise<readonly string[]> {
  if (written === undefined) return defaults();
  const files = written.value.map((value) => ({ ...written, value }));
  return await Promise.all(withoutNone(files).map(expand));
}
