import { throwIfNotPermitted } from "../../../permissions.ts";
import { AuthenticationError } from "../../../errors.ts";
import type { Logger } from "../../../logger.ts";
import { readTextFile } from "../../../text/read_file.ts";
import type { KeySource } from "../../connect_options.ts";

/** How large the file of a key may be, in bytes; OpenSSH's limit. */
export const MAX_KEY_BYTES: number = 1024 * 1024;

/**
 * Reads a key from its file or text.
 *
 * @param what The kind of key, for errors.
 * @param parse Parses the key's text; the name is for errors.
 * @returns nothing if the key is optional, and missing or unusable.
 * @throws {AuthenticationError} if it cannot be used otherwise.
 * @throws {RForwardError} `permission-denied` if Deno may not read the file.
 */
export async function loadKey<K>(
  what: string,
  source: KeySource,
  logger: Logger,
  parse: (name: string, text: string) => Promise<K>,
): Promise<K | undefined> {
  try {
    return "file" in source
      ? await parse(source.file, await readFile(what, source.file))
      : await parse(
        "the key given as text",
        source.text.replace(/^\uFEFF/, ""),
      );
  } catch (error) {
    if (!source.optional || !(error instanceof AuthenticationError)) {
      throw error;
    }
    if (!(error.cause instanceof Deno.errors.NotFound)) {
      logger.warn(`Going on without a key: ${error.message}`);
    }
    return undefined;
  }
}

async function readFile(what: string, file: string): Promise<string> {
  try {
    return await readTextFile(file, MAX_KEY_BYTES);
  } catch (cause) {
    throwIfNotPermitted(
      cause,
      `read the ${what} ${file}`,
      `--allow-read=${file}`,
    );
    throw unusable(
      `${what}: ${file}`,
      `cannot be read: ${(cause as Error).message}`,
      cause,
    );
  }
}

/** Why a key cannot be used, without any of its content. */
export function unusable(
  name: string,
  why: string,
  cause?: unknown,
): AuthenticationError {
  return new AuthenticationError(
    "key-unreadable",
    `${name} ${why}`,
    {},
    cause === undefined ? undefined : { cause },
  );
}
