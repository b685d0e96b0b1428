import { thisMachine } from "../ssh_config/local_machine.ts";

/**
 * Whether others may read a private key of this user's: as with `ssh`, such a
 * one is none. A file that cannot be looked at is told of when it is read.
 */
export async function othersMayRead(file: string): Promise<boolean> {
  try {
    const { mode, uid } = await Deno.stat(file);
    return mode !== null && (mode & 0o077) > 0 && uid === thisMachine.uid;
  } catch {
    return false;
  }
}
