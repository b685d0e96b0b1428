import { defined } from "../../defined.ts";
import type {
  HostKeyChanges,
  HostKeyVerifier,
} from "../../ssh/host_keys/host_key.ts";
import type { KnownHostsOptions } from "../../ssh/host_keys/known_hosts/known_hosts_options.ts";
import { signatureAlgorithms } from "../../ssh/keys/public/verify_signature.ts";
import { applyAlgorithmList } from "../ssh_config/options/algorithm_list.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";
import { exists } from "./exists.ts";
import type { LoginSecrets } from "./login_secrets.ts";

/** The file for new host keys that are not to be stored. */
const NOWHERE = Deno.build.os === "windows" ? "NUL" : "/dev/null";

/** The options for the check of the host key. */
export async function knownHostsOptions(
  settings: SshSettings,
  answers: LoginSecrets,
): Promise<KnownHostsOptions> {
  const {
    strictHostKeyChecking = "ask",
    updateHostKeys: updates = "no",
    revokedHostKeys,
    caSignatureAlgorithms,
  } = settings;
  const acceptNew = toAcceptNew(strictHostKeyChecking, answers);
  // Missing files hold no keys. The first is where new keys are stored, and is
  // created for that.
  const [first, ...others] = settings.userKnownHostsFiles;
  const files: string[] = [];
  if (first && (acceptNew || await exists(first))) files.push(first);
  for (const file of [...others, ...settings.globalKnownHostsFiles]) {
    if (await exists(file)) files.push(file);
  }
  // The command never writes to the system's file.
  if (!first && acceptNew && files.length > 0) files.unshift(NOWHERE);
  return {
    files,
    acceptNew,
    hashed: settings.hashKnownHosts ?? false,
    ...defined({
      updateFiles: updates !== "no" && (updates !== "ask" || answers.mayAsk)
        ? settings.userKnownHostsFiles.filter((file) => files.includes(file))
        : undefined,
      acceptUpdate: updates === "ask"
        ? (changes: HostKeyChanges, signal: AbortSignal) =>
          answers.hostKeyUpdate(changes, signal)
        : undefined,
      revokedKeys: revokedHostKeys ? [revokedHostKeys] : undefined,
      authorityAlgorithms: caSignatureAlgorithms === undefined
        ? undefined
        : applyAlgorithmList(
          "CASignatureAlgorithms",
          caSignatureAlgorithms,
          Object.keys(signatureAlgorithms),
        ),
      alias: settings.hostKeyAlias,
    }),
  };
}

function toAcceptNew(
  checking: SshSettings["strictHostKeyChecking"],
  answers: LoginSecrets,
): boolean | HostKeyVerifier {
  switch (checking) {
    case "yes":
      return false;
    case "ask":
      return answers.mayAccept && ((key) => answers.hostKey(key));
    default:
      // A changed key is refused even with `no`, where ssh goes on with a warning.
      return true;
  }
}
