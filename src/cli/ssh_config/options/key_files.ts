/** The options that name keys to log in with: `IdentityFile`, `CertificateFile`, `IdentityAgent`. @module */

import { shown } from "../../../text/shown.ts";
import { expandVariables } from "../expand/expand.ts";
import { expandPath, withoutNone } from "../expand/expand_values.ts";
import { each, once, type Option } from "./option.ts";
import { word } from "./value_types.ts";

/** A private key to log in with. */
export interface IdentityFile {
  /** Its path. */
  readonly path: string;
  /**
   * Whether the user named it, on the command line or in the user's
   * configuration. The others may be missing: they are ssh's default ones, or
   * the system's configuration names them.
   */
  readonly explicit: boolean;
}

/** The keys that ssh looks for when none is named, in its order. */
const DEFAULT_KEYS = [
  "rsa",
  "ecdsa",
  "ecdsa_sk",
  "ed25519",
  "ed25519_sk",
  "xmss",
  "dsa",
];

/** `IdentityFile` */
export const identityFiles: Option<string, readonly IdentityFile[]> = each(
  "IdentityFile IdentityFile2",
  {
    parse: word.parse,
    isSame: (a, b) => a.value === b.value && a.user === b.user,
    expand: async (files, scope) =>
      files.length === 0
        ? DEFAULT_KEYS.map((type) => ({
          path: `${scope.machine.home}/.ssh/id_${type}`,
          explicit: false,
        }))
        : await Promise.all(
          withoutNone(files).map(async (file) => ({
            path: await expandPath(file, scope),
            explicit: file.user,
          })),
        ),
    print: (files) => files.map(({ path }) => path),
  },
);

/** `CertificateFile` */
export const certificateFiles: Option<string, readonly string[]> = each(
  "CertificateFile",
  {
    parse: word.parse,
    isSame: (a, b) => a.value === b.value,
    expand: async (files, scope) =>
      await Promise.all(
        withoutNone(files).map((file) => expandPath(file, scope)),
      ),
    print: (files) => files,
  },
);

/** `IdentityAgent`: a path, `none`, `SSH_AUTH_SOCK` or `$NAME`. */
export const identityAgent: Option<string, string | undefined> = once(
  "IdentityAgent",
  {
    ...word,
    parse(line, env) {
      const value = line.word();
      expandVariables(value, line, env);
      if (!/^\$(?!\{|\w+$)/.test(value)) return value;
      throw line.error(`cannot be ${shown(value)}; use $NAME or a path`);
    },
  },
  async (written, scope) => {
    const agent = written ? await expandPath(written, scope) : "SSH_AUTH_SOCK";
    if (agent === "none") return undefined;
    const variable = agent === "SSH_AUTH_SOCK" ? `$${agent}` : agent;
    const socket = /^\$(?!\{)/.test(variable)
      ? scope.machine.env(variable.slice(1))
      : agent;
    return socket || undefined;
  },
);
