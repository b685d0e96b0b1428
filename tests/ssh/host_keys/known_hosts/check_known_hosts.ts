import { HostKeyError } from "../../../../src/errors.ts";
import { type Logger, silentLogger } from "../../../../src/logger.ts";
import type { HostKey } from "../../../../src/ssh/host_keys/host_key.ts";
import { fingerprint } from "../../../../src/ssh/keys/public/key_blob.ts";
import { lookUpKnownHost } from "../../../../src/ssh/host_keys/known_hosts/known_hosts.ts";
import type { KnownHostsOptions } from "../../../../src/ssh/host_keys/known_hosts/known_hosts_options.ts";
import { assertRejects } from "../../../assert.ts";
import {
  ed25519Key,
  testDirectory,
  type TestKey,
} from "../host_key_fixture.ts";

const key = ed25519Key(1);

/** Runs `check()` in a process with these permissions; returns the outcome. */
export async function checkElsewhere(
  home: string,
  flags: readonly string[],
  options: KnownHostsOptions = {},
  through: readonly string[] = ["env"],
): Promise<string> {
  await using dir = await testDirectory();
  const source = new URL(
    "../../../../src/ssh/host_keys/known_hosts/known_hosts.ts",
    import.meta.url,
  );
  const script = await dir.file(
    "script.ts",
    `import { lookUpKnownHost } from ${JSON.stringify(source)};`,
    `const logger = { debug() {}, info() {}, warn() {}, error() {} };`,
    `const key = { hostname: "example.org", port: 22, type: "${key.type}",`,
    `  fingerprint: "", data: Uint8Array.fromBase64("${key.data.toBase64()}") };`,
    `const options = ${JSON.stringify(options)};`,
    `try {`,
    `  const known = await lookUpKnownHost(options, key.hostname, key.port, logger);`,
    `  await known.check(key);`,
    `  console.log("accepted");`,
    `} catch ({ code, message }) {`,
    `  console.log(code === "host-key-unknown" ? code : code + " " + message);`,
    `}`,
  );
  const [program, ...args] = [
    ...through,
    ...[Deno.execPath(), "run", "--no-prompt", "--no-config", "--no-lock"],
    ...[...flags, script],
  ];
  const { stdout } = await new Deno.Command(program!, {
    args,
    clearEnv: true,
    env: {
      HOME: home,
      DENO_DIR: dir.path,
      NO_COLOR: "1",
      PATH: Deno.env.get("PATH") ?? "",
    },
  }).output();
  return new TextDecoder().decode(stdout).trimEnd();
}

/** Looks the host up and checks the key, by default one of `example.org` on port 22. */
export async function check(
  options: KnownHostsOptions,
  given: {
    hostname?: string;
    port?: number;
    key?: TestKey;
    logger?: Logger;
  } = {},
): Promise<void> {
  const { hostname = "example.org", port = 22, logger = silentLogger } = given;
  const { type, data } = given.key ?? key;
  const shown: HostKey = {
    ...{ hostname, port, type, data },
    fingerprint: fingerprint(data),
  };
  const known = await lookUpKnownHost(options, hostname, port, logger);
  await known.check(shown);
}

export function rejection(
  ...args: Parameters<typeof check>
): Promise<HostKeyError> {
  return assertRejects(() => check(...args), HostKeyError);
}
