import { mayNot, unixSocketFlags } from "../../permissions.ts";
import { RForwardError } from "../../errors.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { TcpTarget, UnixTarget } from "./target.ts";

/**
 * Checks that Deno permits dialling a target, and asks for it at once where
 * Deno asks. Otherwise it would ask when the first connection comes in, which
 * blocks the whole process, perhaps while nobody is there to answer.
 *
 * @throws {RForwardError} `permission-denied`, with the flags that are missing.
 */
export function requireTargetPermission(target: TcpTarget | UnixTarget): void {
  const name = "path" in target
    ? target.path
    : formatAddress(target.hostname ?? "127.0.0.1", target.port);
  if (descriptorsOf(target, name).every(isGranted)) return;
  throw new RForwardError(
    "permission-denied",
    mayNot(`connect to the target ${name}`, ...targetFlags(name)),
  );
}

/**
 * The flags that let a target be dialled.
 *
 * @param name The target as text.
 */
export function targetFlags(name: string): string[] {
  return name.includes("/") ? unixSocketFlags(name) : [`--allow-net=${name}`];
}

function descriptorsOf(
  target: TcpTarget | UnixTarget,
  name: string,
): Deno.PermissionDescriptor[] {
  if (!("path" in target)) return [{ name: "net", host: name }];
  const { path } = target;
  return [
    { name: "net", host: `unix:${path}` },
    { name: "read", path },
    { name: "write", path },
  ];
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  let status: Deno.PermissionStatus;
  try {
    status = Deno.permissions.querySync(descriptor);
    if (status.state === "prompt") {
      status = Deno.permissions.requestSync(descriptor);
    }
  } catch (error) {
    // Deno cannot be asked about every host name; dialling it will show.
    if (error instanceof TypeError || error instanceof URIError) return true;
    throw error;
  }
  return status.state === "granted";
}
