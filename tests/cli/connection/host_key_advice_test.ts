import { withHostKeyAdvice } from "../../../src/cli/connection/host_key_advice.ts";
import type { SshSettings } from "../../../src/cli/ssh_config/ssh_settings.ts";
import { HostKeyError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import { prepareHostKeys } from "../../../src/ssh/host_keys/host_keys.ts";
import { assert, assertMatch, assertRejects } from "../../assert.ts";
import { ed25519Key } from "../../ssh/host_keys/host_key_fixture.ts";

const hops = [{ host: "bastion" }, {
  host: "server",
  userKnownHostsFiles: ["/home/alice/.ssh/known_hosts"],
}] as unknown as SshSettings[];
const key = ed25519Key(1);

/** What is said of an unknown host. */
async function said(
  text: string,
  isDirect: boolean,
  hop?: number,
): Promise<string> {
  const check = await prepareHostKeys(
    ...[{ text }, "host.example", 2222, silentLogger, undefined] as const,
    isDirect,
  );
  const error = await assertRejects(
    () => check.verify(key.data),
    HostKeyError,
  );
  if (hop) error.message = `hop ${hop} (root@host.example): ${error.message}`;
  withHostKeyAdvice(error, hops);
  return error.message;
}

Deno.test("rforward says for each server how a new key is accepted there", async () => {
  assertMatch(
    await said("", true),
    /run: ssh-keyscan -p 2222 'host.example' >> '\/home\/alice\/.ssh\/known_hosts'\) or use -o StrictHostKeyChecking=accept-new\.$/,
  );
  assertMatch(
    await said("", true, 1),
    /^hop 1 .*ssh-keyscan.* into ~\/.ssh\/config: Host bastion, and below it: StrictHostKeyChecking accept-new\.$/,
  );
  // From here it cannot be scanned.
  assertMatch(
    await said("", false, 2),
    /as a line: \[host.example\]:2222 ssh-ed25519 AAAA\S+\) or use -o StrictHostKeyChecking=accept-new\.$/,
  );
});

Deno.test("rforward does not advise to accept any key where an authority vouches for the host's", async () => {
  const message = await said(`@cert-authority * ${key.text}`, true);
  assertMatch(
    message,
    /No certificate came with it, of the authority at \(text\):1/,
  );
  assert(!/accept-?new/i.test(message), message);
});
