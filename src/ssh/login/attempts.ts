import type { Logger } from "../../logger.ts";
import { defaultAlgorithms } from "../algorithms.ts";
import { fingerprint } from "../host_keys/host_keys.ts";
import type { ConnectOptions } from "../options.ts";
import type { ParsedKey } from "../ssh2.ts";
import { type Agent, openAgent } from "./agent.ts";
import { AgentKeys } from "./agent_keys.ts";
import type { Attempt } from "./attempt.ts";
import { keyboardInteractive } from "./keyboard_interactive.ts";
import { LockedKey, LockedKeyHolder } from "./locked_key.ts";
import { NamedAgentKey } from "./named_agent_key.ts";
import { PasswordPrompt } from "./password_prompt.ts";
import type { LoadedKey } from "../keys/private_keys.ts";
import { signatureAlgorithms } from "./signature_algorithms.ts";
import { type LoginEvents, Signer } from "./signer.ts";

/** A key that was prepared to log in with. */
export type UserKey = LoadedKey | LockedKey | NamedAgentKey;

/** What was prepared to log in with. */
export interface Credentials {
  /** The private keys, read. */
  readonly privateKeys: readonly UserKey[];
  /** The files of optional private keys that are missing or unusable. */
  readonly missingFiles: readonly string[];
  /** The agent's socket. */
  readonly agent: string | undefined;
  /** The only keys of the agent to offer; all of them if undefined. */
  readonly agentKeys: readonly ParsedKey[] | undefined;
}

/** How often a callback is asked by default; OpenSSH's number. */
const MAX_PROMPTS = 3;

/** All ways to log in, in the order that ConnectOptions promises. */
export function* attempts(
  options: ConnectOptions,
  credentials: Credentials,
  events: LoginEvents,
  logger: Logger,
): Generator<Attempt> {
  const { password, maxPrompts = MAX_PROMPTS } = options;
  yield* publicKeys(options, credentials, events, logger);
  const prompt = password === undefined
    ? undefined
    : new PasswordPrompt(password);
  const answer = options.keyboardInteractive ?? prompt?.answer;
  if (answer) {
    // A password that is given stays the same.
    const asks = options.keyboardInteractive !== undefined || prompt?.asks;
    const tries = asks ? maxPrompts : 1;
    yield keyboardInteractive(answer, options.user, events, tries);
  }
  if (prompt) yield prompt.attempt(options.user, maxPrompts);
}

/** The keys that were named, the agent's, then RSA keys that were named with the other hash function. */
function* publicKeys(
  { user: username, maxPrompts = MAX_PROMPTS, algorithms }: ConnectOptions,
  credentials: Credentials,
  events: LoginEvents,
  logger: Logger,
): Generator<Attempt> {
  const accepted = algorithms?.userKey ?? defaultAlgorithms.userKey;
  const isAccepted = ({ type }: ParsedKey) =>
    signatureAlgorithms(type, accepted).length > 0;
  const agent = credentials.agent === undefined
    ? undefined
    : openAgent(credentials.agent, events.signal);
  const named = credentials.privateKeys.filter((it) => {
    const key = keyOf(it);
    if (!key || isAccepted(key)) return true;
    logger.debug(notOffered(it, key.type));
    return false;
  });
  const attempt = (key: UserKey): Attempt =>
    key instanceof LockedKey
      ? lockedKey(
        key,
        agent,
        username,
        events,
        () => key.unlock(events, maxPrompts, logger),
      )
      : key instanceof NamedAgentKey
      ? agentKeys(
        agent!,
        username,
        events,
        (it) => it.getPublicSSH().equals(key.publicKey.getPublicSSH()),
        key,
      )
      : {
        method: "publickey",
        label: `publickey ${key.fingerprint}`,
        keyType: key.key.type,
        how: { type: "publickey", username, key: key.key },
        triesLeft: 1,
      };
  for (const key of named) yield attempt(key);
  if (agent) {
    const wanted = credentials.agentKeys?.map(print);
    const offered = named.map(fingerprintOf);
    yield agentKeys(
      agent,
      username,
      events,
      (key) =>
        isAccepted(key) && !offered.includes(print(key)) &&
        (wanted === undefined || wanted.includes(print(key))),
    );
  }
  for (const key of named) {
    if (keyOf(key)?.type !== "ssh-rsa") continue;
    yield Object.assign(attempt(key), { choice: 1 });
  }
}

/** Which keys are not offered because of their type, for people. */
export function keysNotOffered(
  { privateKeys }: Credentials,
  accepted: readonly string[],
): string[] {
  return privateKeys.flatMap((it) => {
    const type = keyOf(it)?.type;
    const isOffered = type === undefined ||
      signatureAlgorithms(type, accepted).length > 0;
    return isOffered ? [] : [notOffered(it, type)];
  });
}

function notOffered(key: UserKey, type: string): string {
  return `${
    fingerprintOf(key)
  } is of type ${type}, which is not offered unless algorithms.userKey (ssh: PubkeyAcceptedAlgorithms) has it`;
}

/** The key, or at least its public half, where that is known. */
function keyOf(key: UserKey): ParsedKey | undefined {
  return "key" in key ? key.key : key.publicKey;
}

/** By what a key is told from others. */
function fingerprintOf(key: UserKey): string {
  return key instanceof LockedKey ? key.label : key.fingerprint;
}

function print(key: ParsedKey): string {
  return fingerprint(key.getPublicSSH());
}

function lockedKey(
  key: LockedKey,
  agent: Agent | undefined,
  username: string,
  events: LoginEvents,
  unlock: () => Promise<ParsedKey | undefined>,
): Attempt {
  const { publicKey } = key;
  const label = `publickey ${key.label}`;
  const method = "publickey";
  if (!publicKey) {
    const how = async () => {
      const key = await unlock();
      return key && { type: "publickey" as const, username, key };
    };
    return { method, label, how, triesLeft: 1 };
  }
  const holder = new LockedKeyHolder(label, publicKey, agent, unlock);
  const signer = new Signer(holder, events);
  const how = { type: "agent", username, agent: signer } as const;
  return {
    method,
    get label() {
      return holder.label;
    },
    keyType: publicKey.type,
    how,
    triesLeft: 1,
    get agentFailed() {
      return holder.agentFailed;
    },
  };
}

/** @param named The only key that is meant, if it is one. */
function agentKeys(
  agent: Agent,
  username: string,
  events: LoginEvents,
  isOffered: (key: ParsedKey) => boolean,
  named?: NamedAgentKey,
): Attempt {
  const holder = new AgentKeys(agent, isOffered, named?.fingerprint);
  return {
    method: "publickey",
    get label() {
      return holder.label;
    },
    ...named && { keyType: named.publicKey.type },
    how: { type: "agent", username, agent: new Signer(holder, events) },
    triesLeft: 1,
    get agentFailed() {
      return holder.failed;
    },
  };
}
