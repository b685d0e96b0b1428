/**
 * The messages of a login (RFC 4252, RFC 4256) as the client writes and reads
 * them, and what a server needs that takes nothing but public keys.
 *
 * A reader takes the whole message, and throws a {@linkcode ProtocolError} if
 * it is cut short. What it returns are views of the message.
 *
 * @module
 */

import { ProtocolError } from "../../errors.ts";
import { WireReader, WireWriter } from "../wire.ts";
import { MessageNumber } from "./message_number.ts";

/** The service that logins are a part of (RFC 4252 section 2). */
export const LOGIN_SERVICE = "ssh-userauth";
/** The service that is asked for (RFC 4254). */
const SERVICE = "ssh-connection";
/** Prompts of one request; OpenSSH's limit. */
const MAX_PROMPTS = 100;

function request(user: string, method: string): WireWriter {
  return new WireWriter().byte(MessageNumber.USERAUTH_REQUEST)
    .string(user).string(SERVICE).string(method);
}

/** Asks for the methods that can continue (RFC 4252 section 5.2). */
export function writeNoneRequest(user: string): Uint8Array {
  return request(user, "none").bytes();
}

/** A public key that is offered, or that signs. */
export interface PublicKeyRequest {
  readonly user: string;
  /** The signature algorithm. */
  readonly algorithm: string;
  /** The public key or certificate as it goes over the wire. */
  readonly blob: Uint8Array;
}

/** Asks whether a key is acceptable (RFC 4252 section 7). */
export function writePublicKeyQuery(key: PublicKeyRequest): Uint8Array {
  return request(key.user, "publickey").boolean(false)
    .string(key.algorithm).string(key.blob).bytes();
}

/** What is signed to log in with a key (RFC 4252 section 7): the session, and the request that goes with the signature. */
export function publicKeySignatureData(
  sessionId: Uint8Array,
  key: PublicKeyRequest,
): Uint8Array {
  return new WireWriter().string(sessionId).raw(publicKeyRequest(key)).bytes();
}

/**
 * Logs in with a key (RFC 4252 section 7).
 *
 * @param signature The signature of {@linkcode publicKeySignatureData}, with its algorithm in front.
 */
export function writeSignedRequest(
  key: PublicKeyRequest,
  signature: Uint8Array,
): Uint8Array {
  return new WireWriter().raw(publicKeyRequest(key)).string(signature).bytes();
}

function publicKeyRequest(key: PublicKeyRequest): Uint8Array {
  return request(key.user, "publickey").boolean(true)
    .string(key.algorithm).string(key.blob).bytes();
}

/**
 * Logs in with a password (RFC 4252 section 8).
 *
 * @param newPassword What it is to be changed to.
 */
export function writePasswordRequest(
  user: string,
  password: string,
  newPassword?: string,
): Uint8Array {
  const writer = request(user, "password")
    .boolean(newPassword !== undefined).string(password);
  if (newPassword !== undefined) writer.string(newPassword);
  return writer.bytes();
}

/** Starts keyboard-interactive authentication (RFC 4256 section 3.1). */
export function writeKeyboardInteractiveRequest(user: string): Uint8Array {
  return request(user, "keyboard-interactive").string("").string("").bytes();
}

/** SSH_MSG_USERAUTH_INFO_RESPONSE (RFC 4256 section 3.4). */
export function writeInfoResponse(answers: readonly string[]): Uint8Array {
  const writer = new WireWriter().byte(MessageNumber.USERAUTH_INFO_RESPONSE)
    .uint32(answers.length);
  for (const answer of answers) writer.string(answer);
  return writer.bytes();
}

/** SSH_MSG_USERAUTH_INFO_REQUEST. All of it is untrusted. */
export interface InfoRequest {
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly {
    readonly text: string;
    readonly echo: boolean;
  }[];
}

/** SSH_MSG_USERAUTH_INFO_REQUEST (RFC 4256 section 3.2). */
export function readInfoRequest(message: Uint8Array): InfoRequest {
  const reader = new WireReader(message, 1);
  const name = reader.text();
  const instruction = reader.text();
  reader.string(); // the language tag
  const count = reader.uint32();
  if (count > MAX_PROMPTS) {
    throw new ProtocolError(`the server asks ${count} questions at once`);
  }
  const prompts = Array.from({ length: count }, () => ({
    text: reader.text(),
    echo: reader.boolean(),
  }));
  return { name, instruction, prompts };
}

/** SSH_MSG_USERAUTH_FAILURE. */
export interface LoginFailure {
  /** The methods that can continue: untrusted. */
  readonly methods: readonly string[];
  /** Whether the request before it was right, and more is wanted. */
  readonly partialSuccess: boolean;
}

/** SSH_MSG_USERAUTH_FAILURE (RFC 4252 section 5.1). */
export function readLoginFailure(message: Uint8Array): LoginFailure {
  const reader = new WireReader(message, 1);
  return { methods: reader.nameList(), partialSuccess: reader.boolean() };
}

/** SSH_MSG_USERAUTH_BANNER (RFC 4252 section 5.4): the text, which is untrusted. */
export function readBanner(message: Uint8Array): string {
  return new WireReader(message, 1).text();
}

/** SSH_MSG_USERAUTH_PK_OK (RFC 4252 section 7): the key that would do, as it was offered. */
export function readPublicKeyOk(
  message: Uint8Array,
): Pick<PublicKeyRequest, "algorithm" | "blob"> {
  const reader = new WireReader(message, 1);
  return { algorithm: reader.text(), blob: reader.string() };
}

/** SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252 section 8): what to show, which is untrusted. */
export function readPasswordChangeRequest(message: Uint8Array): string {
  return new WireReader(message, 1).text();
}

/** SSH_MSG_USERAUTH_REQUEST as a server reads it (RFC 4252 section 5). All of it is untrusted. */
export interface LoginRequest {
  readonly user: string;
  readonly service: string;
  readonly method: string;
  /** The key, if the method is `publickey`. */
  readonly key?: {
    readonly algorithm: string;
    readonly blob: Uint8Array;
    /** The signature with its algorithm in front; undefined if the client only asks. */
    readonly signature: Uint8Array | undefined;
  };
}

/** SSH_MSG_USERAUTH_REQUEST. */
export function readLoginRequest(message: Uint8Array): LoginRequest {
  const reader = new WireReader(message, 1);
  const user = reader.text();
  const service = reader.text();
  const method = reader.text();
  if (method !== "publickey") return { user, service, method };
  const isSigned = reader.boolean();
  const algorithm = reader.text();
  const blob = reader.string();
  const signature = isSigned ? reader.string() : undefined;
  reader.end();
  return { user, service, method, key: { algorithm, blob, signature } };
}

/** SSH_MSG_USERAUTH_FAILURE (RFC 4252 section 5.1). */
export function writeLoginFailure(
  { methods, partialSuccess }: LoginFailure,
): Uint8Array {
  return new WireWriter().byte(MessageNumber.USERAUTH_FAILURE)
    .nameList(methods).boolean(partialSuccess).bytes();
}

/** SSH_MSG_USERAUTH_SUCCESS (RFC 4252 section 5.1). */
export function writeLoginSuccess(): Uint8Array {
  return Uint8Array.of(MessageNumber.USERAUTH_SUCCESS);
}

/** SSH_MSG_USERAUTH_PK_OK (RFC 4252 section 7). */
export function writePublicKeyOk(
  { algorithm, blob }: Pick<PublicKeyRequest, "algorithm" | "blob">,
): Uint8Array {
  return new WireWriter().byte(MessageNumber.USERAUTH_PK_OK)
    .string(algorithm).string(blob).bytes();
}
