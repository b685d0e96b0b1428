import { thisMachine } from "../ssh_config/local_machine.ts";

/**
 * Whether others may read a private key of this user; `ssh` does not use such
 * a key. False if Deno may not look: reading the file says so.
 */
export async function othersMayRead(file: string): Promise<boolean> {
  try {
    const { mode, uid } = await Deno.stat(file);
    return mode !== null && (mode & 0o077) > 0 && uid === thisMachine.uid;
  } catch {
    return false;
  }
}
