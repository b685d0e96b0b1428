import { openssh10 } from "./availability.ts";
import { type Sshd, type SshdOptions, startSshd } from "./openssh.ts";

/**
 * Starts an sshd of OpenSSH 10 as {@linkcode startSshd} starts the system's:
 * for what Debian 12's own does not have, ML-KEM before all.
 */
export async function startSshd10(
  options: Omit<SshdOptions, "program"> = {},
): Promise<Sshd> {
  return await startSshd({
    ...options,
    program: openssh10("sshd"),
    config: [
      ...options.config ?? [],
      `SshdSessionPath ${openssh10("sshd-session")}`,
      // Tests that do not log in would be locked out.
      "PerSourcePenalties no",
      `SshdAuthPath ${openssh10("sshd-auth")}`,
    ],
  });
}
