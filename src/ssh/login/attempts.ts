import type { Credentials, UserKey } from "./credentials.ts";
import type { Logger } from "../../logger.ts";
import { fingerprint, isSameKey, keyType } from "../keys/public/key_blob.ts";
import type { ConnectOptions } from "../connect_options.ts";
import { defaultUserKeyAlgorithms } from "../keys/public/user_key_algorithms.ts";
import { Agent, type SessionBinding } from "./agent.ts";
import { AgentKeys } from "./user_keys/agent_keys.ts";
import type { Attempt } from "./attempt.ts";
import { certifiedHolder } from "./user_keys/certified_holder.ts";
import type { KeyHolder } from "./user_keys/key_holder.ts";
import { keyboardInteractive } from "./keyboard_interactive.ts";
import { LockedKey, LockedKeyHolder } from "./user_keys/locked_key.ts";
import { NamedAgentKey } from "./user_keys/named_agent_key.ts";
import { PasswordPrompt } from "./password_prompt.ts";
import { logInWithKey, logInWithKeys } from "./public_key_login.ts";
import { signatureAlgorithms } from "./signature_algorithms.ts";

/** What attempts need of the connection. */
export interface AttemptContext {
  /** The session that an agent signs for. */
  readonly binding: SessionBinding;
  /** Ends the agent's connection. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** How often a callback is asked by default; OpenSSH's number. */
const MAX_PROMPTS = 3;

/** All ways to log in, in the order that ConnectOptions promises. */
export function* attempts(
  options: ConnectOptions,
  credentials: Credentials,
  context: AttemptContext,
): Generator<Attempt> {
  const { password, maxPrompts = MAX_PROMPTS } = options;
  yield* publicKeys(options, credentials, context);
  const prompt = password === undefined
    ? undefined
    : new PasswordPrompt(password);
  const answer = options.keyboardInteractive ?? prompt?.answer;
  if (answer) {
    // A fixed password does not change.
    const asks = options.keyboardInteractive !== undefined || prompt?.asks;
    yield keyboardInteractive(answer, asks ? maxPrompts : 1);
  }
  if (prompt) yield prompt.attempt(maxPrompts, options.changePassword);
}

/** Certificates of the agent's keys, the keys that were named, the agent's, then RSA keys that were named with the other hash function. */
function* publicKeys(
  { maxPrompts = MAX_PROMPTS, algorithms }: ConnectOptions,
  credentials: Credentials,
  { binding, signal, logger }: AttemptContext,
): Generator<Attempt> {
  const accepted = algorithms?.userKey ?? defaultUserKeyAlgorithms;
  const isAccepted = (type: string) =>
    signatureAlgorithms(type, accepted).length > 0;
  const agent = credentials.agent === undefined
    ? undefined
    : new Agent(credentials.agent, binding, signal);
  const named = credentials.privateKeys.filter((key) => {
    const type = typeOf(key);
    if (type === undefined || isAccepted(type)) return true;
    logger.debug(notOffered(key, type));
    return false;
  });
  const { certificates } = credentials;
  const holderAttempt = (
    holder: KeyHolder,
    choice: number,
    keyType?: string,
  ) => offer(certifiedHolder(holder, certificates), choice, keyType);
  const attempt = (key: UserKey, choice: number): Attempt =>
    key instanceof LockedKey
      ? lockedKey(key, choice, agent, maxPrompts, logger, holderAttempt)
      : key instanceof NamedAgentKey
      ? holderAttempt(
        new AgentKeys(
          agent!,
          ({ blob }) => isSameKey(blob, key.publicKey),
          key.fingerprint,
        ),
        choice,
        typeOf(key),
      )
      : holderAttempt(
        {
          label: `publickey ${key.fingerprint}`,
          keys: () => Promise.resolve([key.key]),
        },
        choice,
        typeOf(key),
      );
  const wanted = credentials.agentKeys?.map(fingerprint);
  const offered = named.map(fingerprintOf);
  const ofAgent = (agent: Agent, also: (print: string) => boolean) =>
    new AgentKeys(agent, ({ blob }) => {
      const print = fingerprint(blob);
      return isAccepted(keyType(blob) ?? "") && !offered.includes(print) &&
        (wanted === undefined || wanted.includes(print)) && also(print);
    });
  const certified = certificates.map(({ key }) => fingerprint(key))
    .filter((print) => !offered.includes(print));
  if (agent && certified.length > 0) {
    const holder = ofAgent(agent, (print) => certified.includes(print));
    yield offer(certifiedHolder(holder, certificates, true), 0);
  }
  for (const key of named) yield attempt(key, 0);
  if (agent) yield offer(ofAgent(agent, () => true), 0);
  for (const key of named) {
    if (typeOf(key)?.startsWith("ssh-rsa")) yield attempt(key, 1);
  }
}

/** Which keys are not offered because of their type, for people. */
export function keysNotOffered(
  { privateKeys }: Credentials,
  accepted: readonly string[],
): string[] {
  return privateKeys.flatMap((key) => {
    const type = typeOf(key);
    const isOffered = type === undefined ||
      signatureAlgorithms(type, accepted).length > 0;
    return isOffered ? [] : [notOffered(key, type)];
  });
}

function notOffered(key: UserKey, type: string): string {
  return `${
    fingerprintOf(key)
  } is of type ${type}, which is not offered unless algorithms.userKey (ssh: PubkeyAcceptedAlgorithms) has it`;
}

/** The key's type, where it is known. */
function typeOf(key: UserKey): string | undefined {
  const blob = "key" in key ? key.key.blob : key.publicKey;
  return blob && keyType(blob);
}

/** What identifies a key. */
function fingerprintOf(key: UserKey): string {
  return key instanceof LockedKey ? key.label : key.fingerprint;
}

function lockedKey(
  key: LockedKey,
  choice: number,
  agent: Agent | undefined,
  maxPrompts: number,
  logger: Logger,
  holderAttempt: typeof offer,
): Attempt {
  const { publicKey } = key;
  const label = `publickey ${key.label}`;
  if (publicKey) {
    return holderAttempt(
      new LockedKeyHolder(
        label,
        publicKey,
        agent,
        (dialog) => key.unlock(dialog, maxPrompts, logger),
      ),
      choice,
      keyType(publicKey),
    );
  }
  return {
    method: "publickey",
    label,
    triesLeft: 1,
    async run(dialog) {
      const unlocked = await key.unlock(dialog, maxPrompts, logger);
      const [algorithm] = unlocked ? dialog.algorithmsFor(unlocked) : [];
      if (!unlocked || algorithm === undefined) return undefined;
      // The passphrase is known: asking the server first would save nothing.
      return await logInWithKey(unlocked, algorithm, { probe: false }, dialog);
    },
  };
}

/**
 * Offers the keys of a holder.
 *
 * @param choice Which of a key's signature algorithms to use.
 * @param keyType The key's type, where it is a single key.
 */
function offer(
  holder: KeyHolder,
  choice: number,
  keyType?: string,
): Attempt {
  return {
    method: "publickey",
    get label() {
      return holder.label;
    },
    keyType,
    choice,
    triesLeft: 1,
    run: (dialog) => logInWithKeys(holder, choice, dialog),
    get agentFailed() {
      return holder.agentFailed ?? false;
    },
  };
}
