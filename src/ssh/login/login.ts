import { ProtocolError } from "../../errors.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import type { SigningKey } from "../keys/private/signing_key.ts";
import type { MessageTransport } from "../message_transport.ts";
import {
  LOGIN_SERVICE,
  readBanner,
  readLoginFailure,
  writeNoneRequest,
} from "../messages/login_messages.ts";
import { MessageNumber } from "../messages/message_number.ts";
import {
  readDebug,
  readExtInfo,
  readServiceRequest,
  writeServiceRequest,
} from "../messages/transport_messages.ts";
import type { ConnectOptions } from "../connect_options.ts";
import { printable, printableLines } from "../../text/printable.ts";
import type { SessionBinding } from "./agent.ts";
import type { Attempt } from "./attempt.ts";
import type { Credentials } from "./credentials.ts";
import { Authentication } from "./auth.ts";
import type { LoginDialog, LoginReply } from "./login_dialog.ts";
import { UnusableKeyError } from "./user_keys/unusable_key_error.ts";

/** How many banners of a server are passed on: each goes to a terminal or a log. */
const MAX_BANNERS = 20;

/** What a login needs. */
export interface LoginParts {
  readonly options: ConnectOptions;
  readonly credentials: Credentials;
  readonly transport: MessageTransport;
  /** The session that an agent signs for. */
  readonly binding: SessionBinding;
  /** Aborts when the attempt is over. */
  readonly signal: AbortSignal;
  readonly waitFor: LoginDialog["waitFor"];
  /** Called while USERAUTH_SUCCESS is handled: the next message belongs to the connection layer. */
  readonly onSuccess: () => void;
}

/** The client's side of RFC 4252: logs the user in. */
export class Login implements LoginDialog {
  readonly #parts: LoginParts;
  readonly #logger: Logger;
  readonly #auth: Authentication;
  readonly #service = Promise.withResolvers<void>();
  #hasService = false;
  #banners = 0;
  readonly #failed = Promise.withResolvers<never>();
  /** The request that is not answered yet. */
  #pending: PromiseWithResolvers<LoginReply> | undefined;
  #attempt: Attempt | undefined;
  #isTried = false;

  constructor(parts: LoginParts) {
    const { options, credentials, binding, signal } = parts;
    this.#parts = parts;
    this.#logger = options.logger ?? silentLogger;
    this.#auth = new Authentication(options, credentials, {
      binding,
      signal,
      logger: this.#logger,
    });
  }

  get user(): string {
    return this.#parts.options.user;
  }

  get sessionId(): Uint8Array {
    return this.#parts.binding.sessionId;
  }

  get signal(): AbortSignal {
    return this.#parts.signal;
  }

  /** Which ways were tried, and why the login was refused. */
  get authentication(): Authentication {
    return this.#auth;
  }

  /**
   * Logs in.
   *
   * @throws {AuthenticationError} if nothing is left to try.
   * @throws what a callback of the user's throws.
   */
  async run(): Promise<void> {
    await Promise.race([this.#failed.promise, this.#converse()]);
  }

  async #converse(): Promise<void> {
    const { transport } = this.#parts;
    transport.receive((message) => this.#receive(message));
    this.waitFor("server");
    transport.send(writeServiceRequest(LOGIN_SERVICE));
    await this.#service.promise;
    // The answer lists the methods that the server offers (RFC 4252 section 5.2).
    let reply: LoginReply | undefined = await this.request(
      writeNoneRequest(this.user),
    );
    while (reply?.kind !== "success") {
      if (reply?.kind === "message") {
        throw new ProtocolError("the server answers what was not asked");
      }
      this.#attempt = this.#auth.next();
      if (!this.#attempt) throw this.#auth.error("");
      this.#isTried = false;
      reply = await this.#run(this.#attempt);
    }
  }

  waitFor(whom: "server" | "agent" | "user"): void {
    this.#parts.waitFor(whom);
  }

  noteTried(): void {
    if (!this.#attempt || this.#isTried) return;
    this.#isTried = true;
    this.#auth.onTried(this.#attempt);
  }

  algorithmsFor(key: SigningKey): readonly string[] {
    return this.#auth.algorithmsFor(key);
  }

  skipKey(error: UnusableKeyError): void {
    this.#logger.warn(error.message);
  }

  async request(message: Uint8Array): Promise<LoginReply> {
    this.signal.throwIfAborted();
    this.noteTried();
    this.waitFor("server");
    this.#pending = Promise.withResolvers();
    this.#parts.transport.send(message);
    return await this.#pending.promise;
  }

  async #run(attempt: Attempt): Promise<LoginReply | undefined> {
    try {
      return await attempt.run(this);
    } catch (error) {
      if (!(error instanceof UnusableKeyError)) throw error;
      this.skipKey(error);
      return undefined;
    }
  }

  /** @returns false if the message is of an unknown kind. */
  #receive(message: Uint8Array): boolean {
    const number = message[0]!;
    switch (number) {
      case MessageNumber.DEBUG:
        this.#logger.debug(`the server says: ${printable(readDebug(message))}`);
        return true;
      case MessageNumber.EXT_INFO:
        this.#onExtensions(readExtInfo(message));
        return true;
      case MessageNumber.SERVICE_ACCEPT:
        if (this.#hasService) throw outOfTurn(number);
        checkService(message);
        this.#hasService = true;
        this.#service.resolve();
        return true;
      case MessageNumber.USERAUTH_BANNER:
        this.#onBanner(readBanner(message));
        return true;
      case MessageNumber.USERAUTH_FAILURE:
        this.#onFailure(message);
        return true;
      case MessageNumber.USERAUTH_SUCCESS:
        if (!this.#pending) throw outOfTurn(number);
        this.#parts.onSuccess();
        this.#answer({ kind: "success" });
        return true;
    }
    if (number >= 60 && number < 80 && this.#pending) {
      this.#answer({ kind: "message", message: message.slice() });
      return true;
    }
    if (number >= 50) throw outOfTurn(number);
    return false;
  }

  #onExtensions(extensions: ReadonlyMap<string, string>): void {
    const algorithms = extensions.get("server-sig-algs");
    if (algorithms !== undefined) {
      this.#auth.onSignatureAlgorithms(algorithms.split(","));
    }
  }

  #onBanner(text: string): void {
    if (++this.#banners > MAX_BANNERS) return;
    const lines = printableLines(text);
    if (lines.length === 0) return;
    try {
      const result: unknown = this.#parts.options.onBanner?.(lines.join("\n"));
      // An async function passes for one that returns nothing.
      if (result instanceof Promise) result.catch(this.#failed.reject);
    } catch (error) {
      this.#failed.reject(error);
    }
  }

  /** Ignore an unexpected one: some servers refuse twice. */
  #onFailure(message: Uint8Array): void {
    if (!this.#pending) return;
    const failure = readLoginFailure(message);
    this.#auth.onFailure(failure.methods);
    this.#answer({ kind: "failure", ...failure });
  }

  #answer(reply: LoginReply): void {
    this.#pending?.resolve(reply);
    this.#pending = undefined;
  }
}

/** Some servers leave the name empty. */
function checkService(message: Uint8Array): void {
  if (message.length === 1) return;
  const name = readServiceRequest(message); // the same in both messages
  if (name === LOGIN_SERVICE) return;
  throw new ProtocolError(`the server accepts ${printable(name)} as a service`);
}

function outOfTurn(number: number): ProtocolError {
  return new ProtocolError(
    `the server sent message ${number} of the protocol out of turn`,
  );
}
