import type { Buffer } from "node:buffer";
import { ProtocolError, RForwardError } from "../../errors.ts";
import type { ParsedKey } from "../ssh2.ts";
import type { Agent } from "./agent.ts";
import type { KeyHolder } from "./signer.ts";

/** Those of an agent's keys that are offered to the server. */
export class AgentKeys implements KeyHolder {
  readonly #agent: Agent;
  readonly #isOffered: (key: ParsedKey) => boolean;
  /** How many keys there are, or why that is not known. */
  #state = "";

  constructor(agent: Agent, isOffered: (key: ParsedKey) => boolean) {
    this.#agent = agent;
    this.#isOffered = isOffered;
  }

  get label(): string {
    return `agent ${this.#agent.path}${this.#state}`;
  }

  keys(): Promise<ParsedKey[] | Error> {
    return this.#attempt(async () => {
      const keys = (await this.#agent.keys()).filter(this.#isOffered);
      this.#state = ` with ${keys.length} keys`;
      return keys;
    });
  }

  sign(key: ParsedKey, data: Buffer, hash?: string): Promise<Buffer | Error> {
    return this.#attempt(() => this.#agent.sign(key, data, hash));
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | Error> {
    try {
      return await work();
    } catch (error) {
      const isOurs = error instanceof RForwardError &&
        !(error instanceof ProtocolError);
      if (isOurs) throw error;
      const { message } = error as Error;
      this.#state = `, which failed: ${message}`;
      return new Error(`the SSH agent failed: ${message}`, { cause: error });
    }
  }
}
