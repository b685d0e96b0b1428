import { ArgumentError } from "./errors.ts";

/**
 * A variable of the environment; undefined if it is not set. As with getenv(3),
 * a name that no variable can have, such as `A=B`, is one that is not set:
 * names come from configuration.
 *
 * @throws {ArgumentError} if its value is not valid UTF-8.
 * @throws {Deno.errors.NotCapable} if Deno may not look.
 */
export function readVariable(name: string): string | undefined {
  if (!/^[^=\0]+$/.test(name)) return undefined;
  try {
    return Deno.env.get(name);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.InvalidData)) throw cause;
    throw new ArgumentError(
      name,
      "the value of this environment variable is not valid UTF-8",
      { cause },
    );
  }
}

/** As {@linkcode readVariable}; undefined too where Deno may not look, so that it does not ask. */
export function readGrantedVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? readVariable(name) : undefined;
}
