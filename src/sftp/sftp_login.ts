import { Turns } from "../turns.ts";
import { ProtocolError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { isSameKey } from "../ssh/keys/public/key_blob.ts";
import { verifySignature } from "../ssh/keys/public/verify_signature.ts";
import type { MessageTransport } from "../ssh/message_transport.ts";
import {
  LOGIN_SERVICE,
  type LoginRequest,
  publicKeySignatureData,
  readLoginRequest,
  writeLoginFailure,
  writeLoginSuccess,
  writePublicKeyOk,
} from "../ssh/messages/login_messages.ts";
import { MessageNumber } from "../ssh/messages/message_number.ts";
import {
  readServiceRequest,
  writeServiceAccept,
} from "../ssh/messages/transport_messages.ts";
import { printable } from "../text/printable.ts";

/** Refused attempts to log in that end the connection: an agent may offer some keys before ours. */
const MAX_ATTEMPTS = 32;
/** The one type of key that is used here. */
export const KEY_TYPE = "ssh-ed25519";

/** Who may log in. */
export interface SftpUser {
  readonly user: string;
  /** The one key, as it goes over the wire. */
  readonly key: Uint8Array;
}

/** The server's side of RFC 4252: accepts the user with the right name who proves to have the right key. */
export class SftpLogin {
  readonly #transport: MessageTransport;
  readonly #allowed: SftpUser;
  readonly #logger: Logger;
  readonly #onSuccess: () => void;
  #hasService = false;
  /** Requests that came in and are not answered yet. */
  readonly #requests = new Turns();
  #waiting = 0;
  #refused = 0;
  #isOver = false;

  /** @param onSuccess Called before the client learns that it is logged in. */
  constructor(
    transport: MessageTransport,
    allowed: SftpUser,
    logger: Logger,
    onSuccess: () => void,
  ) {
    this.#transport = transport;
    this.#allowed = allowed;
    this.#logger = logger;
    this.#onSuccess = onSuccess;
  }

  /**
   * Takes a message of the client's.
   *
   * @returns false if it is of an unknown kind.
   * @throws {ProtocolError} if it is cut short, or out of turn.
   */
  receive(message: Uint8Array): boolean {
    switch (message[0]) {
      case MessageNumber.SERVICE_REQUEST:
        if (readServiceRequest(message) !== LOGIN_SERVICE) {
          throw new ProtocolError("the client asks for another service");
        }
        this.#hasService = true;
        this.#transport.send(writeServiceAccept(LOGIN_SERVICE));
        return true;
      case MessageNumber.USERAUTH_REQUEST:
        this.#onRequest(readLoginRequest(message.slice()));
        return true;
      case MessageNumber.DEBUG:
      case MessageNumber.EXT_INFO:
        return true;
    }
    if (message[0]! >= 50) {
      throw new ProtocolError("the client does not log in first");
    }
    return false;
  }

  /** Answers one request after the other (RFC 4252 section 5.1). */
  #onRequest(request: LoginRequest): void {
    if (!this.#hasService || ++this.#waiting > MAX_ATTEMPTS) {
      throw new ProtocolError("the client asks to log in out of turn");
    }
    void this.#requests.take(() => this.#answer(request))
      .finally(() => this.#waiting--);
  }

  async #answer(request: LoginRequest): Promise<void> {
    if (this.#isOver) return;
    const { key } = request;
    if (!this.#isAllowed(request) || !key) return this.#refuse(request);
    if (!key.signature) return this.#transport.send(writePublicKeyOk(key));
    const data = publicKeySignatureData(this.#transport.sessionId, {
      ...{ user: request.user, algorithm: key.algorithm, blob: key.blob },
    });
    try {
      await verifySignature(KEY_TYPE, key.blob, data, key.signature);
    } catch {
      return this.#refuse(request);
    }
    this.#isOver = true;
    this.#onSuccess();
    this.#transport.send(writeLoginSuccess());
  }

  #isAllowed({ user, service, key }: LoginRequest): boolean {
    return user === this.#allowed.user && service === "ssh-connection" &&
      key?.algorithm === KEY_TYPE && isSameKey(key.blob, this.#allowed.key);
  }

  #refuse({ method, user }: LoginRequest): void {
    // A client sends "none" to ask for the methods.
    if (method !== "none") {
      this.#logger.debug(
        `a client may not log in for SFTP as ${printable(user)} by this ${
          printable(method)
        }`,
      );
    }
    if (++this.#refused >= MAX_ATTEMPTS) {
      this.#isOver = true;
      this.#transport.close();
      return;
    }
    this.#transport.send(
      writeLoginFailure({ methods: ["publickey"], partialSuccess: false }),
    );
  }
}
