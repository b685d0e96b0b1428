import { ArgumentError } from "../errors.ts";
import { silentLogger } from "../logger.ts";
import { parseKnownHosts } from "../ssh/host_keys/known_hosts_file.ts";

/**
 * Reads the file of `RevokedHostKeys`: a public key a line. As in ssh, all host
 * keys are refused where that cannot be understood.
 *
 * @returns known_hosts lines that revoke the keys for every host, each in the
 * same line as in the file.
 * @throws {ArgumentError} if it cannot be told which keys are revoked.
 */
export async function readRevokedHostKeys(file: string): Promise<string> {
  const text = await read(file);
  if (text.startsWith("SSHKRL")) {
    throw refusal(
      `${file} is a key revocation list (KRL), which only ssh can read; name a text file with a public key a line`,
    );
  }
  return text.split("\n").map((row, index) => {
    const line = row.trim();
    if (line === "" || line.startsWith("#")) return "";
    const revoking = `@revoked * ${line}`;
    if (parseKnownHosts(revoking, file, silentLogger).length > 0) {
      return revoking;
    }
    throw refusal(`${file}:${index + 1} is no public key`);
  }).join("\n");
}

async function read(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotCapable
      ? `run deno with --allow-read=${file}`
      : (cause as Error).message;
    throw refusal(`${file} cannot be read: ${why}`, cause);
  }
}

function refusal(why: string, cause?: unknown): ArgumentError {
  return new ArgumentError(
    "RevokedHostKeys",
    `no host key is accepted, as ${why}`,
    cause === undefined ? undefined : { cause },
  );
}
