import { ArgumentError } from "../errors.ts";
import {
  type AuthContext,
  type AuthenticationType,
  type ParsedKey,
  parseKey,
} from "./ssh2_server.ts";

/** The one user of a test server, and how they authenticate. */
export interface Account {
  user: string;
  password: string;
  /** Keys that are accepted too. */
  keys: readonly ParsedKey[];
  /** Ask for the password by keyboard-interactive instead of password; or log in so without a question. */
  keyboardInteractive: boolean | "no questions";
}

/**
 * Reads public keys, one a line; empty lines and comments are skipped.
 *
 * @throws {ArgumentError} naming the line that is not a public key.
 */
export function parseAuthorizedKeys(text: string): ParsedKey[] {
  return text.split("\n").flatMap((line, index) => {
    if (/^\s*(#|$)/.test(line)) return [];
    try {
      return [parseKey(line.trim())];
    } catch (cause) {
      throw new ArgumentError(
        "authorizedKeys",
        `line ${
          index + 1
        } is not a public key (options before it are not supported)`,
        { cause },
      );
    }
  });
}

/** Accepts or rejects one authentication request (RFC 4252). */
export function authenticate(request: AuthContext, account: Account): void {
  const methods: AuthenticationType[] = [
    account.keyboardInteractive ? "keyboard-interactive" : "password",
  ];
  if (account.keys.length > 0) methods.unshift("publickey");

  const decide = (proven: boolean) =>
    proven && request.username === account.user
      ? request.accept()
      : request.reject(methods);

  if (!methods.includes(request.method)) return decide(false);
  switch (request.method) {
    case "password":
      return decide(request.password === account.password);
    case "keyboard-interactive": {
      const asks = account.keyboardInteractive !== "no questions";
      return request.prompt(
        asks ? [{ prompt: "Password: ", echo: false }] : [],
        (answers: unknown) => {
          // An Error: the client has begun another attempt, which gets its own answer.
          if (!Array.isArray(answers)) return;
          decide(!asks || answers[0] === account.password);
        },
      );
    }
    case "publickey": {
      const { key, signature, blob, hashAlgo } = request;
      const known = account.keys.find((one) =>
        one.getPublicSSH().equals(key.data)
      );
      // Without a signature, the client only asks whether the key would do.
      if (!known || !signature) return decide(known !== undefined);
      // verify() may also return an Error.
      return decide(known.verify(blob!, signature, hashAlgo) === true);
    }
  }
}
