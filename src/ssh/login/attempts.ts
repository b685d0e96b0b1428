import type { Logger } from "../../logger.ts";
import { fingerprint } from "../host_keys/host_keys.ts";
import type { ConnectOptions } from "../options.ts";
import type { ParsedKey } from "../ssh2.ts";
import { type Agent, openAgent } from "./agent.ts";
import { AgentKeys } from "./agent_keys.ts";
import type { Attempt } from "./attempt.ts";
import { keyboardInteractive } from "./keyboard_interactive.ts";
import { LockedKey, LockedKeyHolder } from "./locked_key.ts";
import { PasswordPrompt } from "./password_prompt.ts";
import type { LoadedKey } from "../keys/private_keys.ts";
import { type LoginEvents, Signer } from "./signer.ts";

/** What was prepared to log in with. */
export interface Credentials {
  /** The private keys, read. */
  readonly privateKeys: readonly (LoadedKey | LockedKey)[];
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
  const { user: username, password, maxPrompts = MAX_PROMPTS } = options;
  const agent = credentials.agent === undefined
    ? undefined
    : openAgent(credentials.agent, events.signal);
  for (const key of credentials.privateKeys) {
    yield key instanceof LockedKey
      ? lockedKey(
        key,
        agent,
        username,
        events,
        () => key.unlock(events, maxPrompts, logger),
      )
      : {
        method: "publickey",
        label: `publickey ${key.fingerprint}`,
        how: { type: "publickey", username, key: key.key },
        triesLeft: 1,
      };
  }
  if (agent) yield agentKeys(agent, username, credentials, events);

  const prompt = password === undefined
    ? undefined
    : new PasswordPrompt(password);
  const answer = options.keyboardInteractive ?? prompt?.answer;
  if (answer) {
    // A password that is given stays the same.
    const asks = options.keyboardInteractive !== undefined || prompt?.asks;
    const tries = asks ? maxPrompts : 1;
    yield keyboardInteractive(answer, username, events, tries);
  }
  if (prompt) yield prompt.attempt(username, maxPrompts);
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
    how,
    triesLeft: 1,
  };
}

function agentKeys(
  agent: Agent,
  username: string,
  { privateKeys, agentKeys }: Credentials,
  events: LoginEvents,
): Attempt {
  const print = (key: ParsedKey) => fingerprint(key.getPublicSSH());
  const wanted = agentKeys?.map(print);
  // The server has heard of these.
  const offered = privateKeys.map((key) =>
    key instanceof LockedKey ? key.label : key.fingerprint
  );
  const holder = new AgentKeys(
    agent,
    (key) =>
      !offered.includes(print(key)) &&
      (wanted === undefined || wanted.includes(print(key))),
  );
  return {
    method: "publickey",
    get label() {
      return holder.label;
    },
    how: { type: "agent", username, agent: new Signer(holder, events) },
    triesLeft: 1,
  };
}
