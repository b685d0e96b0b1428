import type { Logger } from "../../logger.ts";
import type { ConnectOptions, PrivateKey } from "../../ssh/connect_options.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";
import { exists } from "./exists.ts";
import type { LoginSecrets } from "./login_secrets.ts";
import { othersMayRead } from "./others_may_read.ts";

type LoginOptions = Pick<
  ConnectOptions,
  | "privateKeys"
  | "certificates"
  | "agent"
  | "agentKeys"
  | "keyboardInteractive"
  | "password"
  | "changePassword"
  | "maxPrompts"
>;

/** The options for the login: keys, the agent, and how to ask the user. */
export async function loginOptions(
  settings: SshSettings,
  answers: LoginSecrets,
  logger: Logger,
): Promise<LoginOptions> {
  const { identityAgent, preferredAuthentications } = settings;
  const wanted = (method: string, on = true) =>
    on && (preferredAuthentications?.includes(method) ?? true);
  const keys = await Promise.all(
    settings.identityFiles.map(async ({ path }) => ({
      file: identityAgent === undefined ? path : await privateOrPublic(path),
      // As in ssh, a missing or broken key is skipped.
      optional: true,
    })),
  );
  const options: LoginOptions = {};
  if (wanted("publickey", settings.pubkeyAuthentication)) {
    const own: PrivateKey[] = [];
    options.privateKeys = own;
    for (const key of keys) {
      const { file } = key;
      // A public key selects a key of the agent.
      if (!file.endsWith(".pub") && await othersMayRead(file)) {
        logger.warn(
          `Going on without a key: others may read ${file}; run chmod 600 on it`,
        );
        continue;
      }
      own.push({ ...key, passphrase: () => answers.passphrase(file) });
    }
    if (identityAgent !== undefined) options.agent = identityAgent;
    const certificates = settings.certificateFiles
      .map((file) => ({ file, optional: true }));
    if (certificates.length > 0) options.certificates = certificates;
    if (settings.identitiesOnly) options.agentKeys = [...keys, ...certificates];
  }
  // Without a terminal too: some servers ask nothing.
  if (
    !settings.batchMode && answers.mayTryKeyboardInteractive &&
    wanted("keyboard-interactive", settings.kbdInteractiveAuthentication)
  ) {
    options.keyboardInteractive = answers.keyboardInteractive;
  }
  if (
    answers.mayAnswer && wanted("password", settings.passwordAuthentication)
  ) {
    options.password = () => answers.password();
    options.changePassword = (said) => answers.newPassword(said);
  }
  if (settings.numberOfPasswordPrompts !== undefined) {
    options.maxPrompts = settings.numberOfPasswordPrompts;
  }
  return options;
}

/** The file of a key, or of its public key if only that exists: the agent may hold the private key. */
async function privateOrPublic(path: string): Promise<string> {
  if (await exists(path)) return path;
  return await exists(`${path}.pub`) ? `${path}.pub` : path;
}
