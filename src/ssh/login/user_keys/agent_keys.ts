import { ProtocolError, RForwardError } from "../../../errors.ts";
import type { SigningKey } from "../../keys/private/signing_key.ts";
import type { Agent } from "../agent.ts";
import type { KeyHolder } from "./key_holder.ts";
import { UnusableKeyError } from "./unusable_key_error.ts";

/** The agents that have listed keys before: one that lists none now is locked, or was restarted. */
const haveShownKeys = new Set<string>();

/** Those of an agent's keys that are offered to the server. */
export class AgentKeys implements KeyHolder {
  readonly #agent: Agent;
  readonly #isOffered: (key: SigningKey) => boolean;
  readonly #name: string | undefined;
  /** How many keys there are, or why that is not known. */
  #state = "";
  #failed = false;

  /**
   * @param isOffered Selects the keys.
   * @param name For people: the one key that is meant; all of them by default.
   */
  constructor(
    agent: Agent,
    isOffered: (key: SigningKey) => boolean,
    name?: string,
  ) {
    this.#agent = agent;
    this.#isOffered = isOffered;
    this.#name = name;
  }

  get label(): string {
    const agent = `agent ${this.#agent.path}${this.#state}`;
    return this.#name ? `publickey ${this.#name} (${agent})` : agent;
  }

  /** Whether the agent failed, or has lost all its keys, as one that is locked seems to have. */
  get agentFailed(): boolean {
    return this.#failed;
  }

  keys(): Promise<SigningKey[]> {
    return this.#attempt(async () => {
      const held = await this.#agent.keys();
      if (held.length > 0) haveShownKeys.add(this.#agent.path);
      else if (haveShownKeys.has(this.#agent.path)) this.#failed = true;
      const keys = held.filter(this.#isOffered);
      this.#state = this.#name === undefined
        ? ` with ${keys.length} keys`
        : keys.length === 0
        ? ", which does not hold it"
        : "";
      return keys.map((key) => ({
        ...key,
        sign: (algorithm, data) =>
          this.#attempt(() => key.sign(algorithm, data)),
      }));
    });
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isOurs = error instanceof RForwardError &&
        !(error instanceof ProtocolError);
      if (isOurs) throw error;
      const { message } = error as Error;
      this.#failed = true;
      this.#state = `, which failed: ${message}`;
      throw new UnusableKeyError(`the SSH agent failed: ${message}`, {
        cause: error,
      });
    }
  }
}
