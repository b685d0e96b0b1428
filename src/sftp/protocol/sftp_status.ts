import { Status, type StatusCode } from "./sftp_protocol.ts";

/** An error as SFTP expresses it, with a text that names no path of this machine. */
export function statusOf(error: unknown): { code: StatusCode; text: string } {
  const [code, text] = classify(error);
  const errno = (error as { code?: unknown }).code;
  const known = typeof errno === "string" && /^E[A-Z0-9]+$/.test(errno);
  return { code, text: known ? `${text} (${errno})` : text };
}

/** As OpenSSH does it, except that an argument that the system rejects is not a bad message. */
function classify(error: unknown): [StatusCode, string] {
  const { errors } = Deno;
  if (
    error instanceof errors.NotFound || error instanceof errors.NotADirectory ||
    error instanceof errors.FilesystemLoop
  ) return [Status.noSuchFile, "No such file"];
  if (
    error instanceof errors.PermissionDenied ||
    error instanceof errors.NotCapable
  ) return [Status.permissionDenied, "Permission denied"];
  if (error instanceof errors.InvalidData) {
    // Deno's words, and PacketReader's.
    return /UTF-8/.test(error.message)
      ? [Status.opUnsupported, "Names that are not UTF-8 are not supported"]
      : [Status.badMessage, "Bad message"];
  }
  if (error instanceof errors.NotSupported) {
    return [Status.opUnsupported, "Operation unsupported"];
  }
  return [Status.failure, "Failure"];
}
