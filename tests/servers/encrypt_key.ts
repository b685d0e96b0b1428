import { run } from "./run.ts";

/** Encrypts a private key that has no passphrase, in place. */
export async function encryptKey(
  file: string,
  passphrase: string,
): Promise<void> {
  await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", file]);
}
