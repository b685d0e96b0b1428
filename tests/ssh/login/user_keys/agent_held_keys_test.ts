/** Keys that only an agent can use, or not for every server. */
import { join } from "node:path";
import { AuthenticationError } from "../../../../src/errors.ts";
import { connect } from "../../../../src/ssh/connect.ts";
import type { ConnectOptions } from "../../../../src/ssh/connect_options.ts";
import { ssh2 } from "../../../../src/ssh/ssh2/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../../../assert.ts";
import { serverTest, skDummy } from "../../../servers/availability.ts";
import { type Sshd, startSshd } from "../../../servers/openssh.ts";
import { run } from "../../../servers/run.ts";
import { startSshAgent } from "../../../servers/ssh_agent.ts";
import { testDirectory } from "../../host_keys/host_key_fixture.ts";

function to(server: Sshd, agent: string): ConnectOptions {
  const { hostname, port, user, knownHosts } = server;
  return { hostname, port, user, agent, hostKeys: { text: knownHosts } };
}

for (const type of ["ed25519-sk", "ecdsa-sk"]) {
  serverTest(
    ["sshd", "sk-dummy"],
    `connect() logs in with a FIDO key (${type}) through an agent`,
    async () => {
      await using dir = await testDirectory();
      const file = join(dir.path, "key");
      await run("ssh-keygen", [
        ...["-q", "-t", type, "-w", skDummy, "-N", "", "-f", file],
      ]);
      const publicKey = (await Deno.readTextFile(`${file}.pub`)).trim();
      await using agent = await startSshAgent([], ["-S", skDummy, file]);
      await using server = await startSshd({ authorizedKeys: [publicKey] });
      const options = to(server, agent.socket);
      for (
        const login of [
          options,
          { ...options, privateKeys: [{ file: `${file}.pub` }] },
          { ...options, agentKeys: [{ text: publicKey }] },
        ]
      ) {
        await using connection = await connect(login);
        assertEquals(connection.server.user, server.user);
      }
      const { message } = await assertRejects(
        () => connect({ ...options, privateKeys: [{ file }] }),
        AuthenticationError,
      );
      assertMatch(message, /FIDO security key; add it to an agent/);
    },
  );
}

serverTest(
  "sshd",
  "connect() logs in with an agent's key that is bound to a host there, and nowhere else",
  async () => {
    await using dir = await testDirectory();
    const file = join(dir.path, "key");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
    const authorizedKeys = [(await Deno.readTextFile(`${file}.pub`)).trim()];
    await using here = await startSshd({ authorizedKeys });
    await using elsewhere = await startSshd({ authorizedKeys });
    const [, type, base64] = here.knownHosts.split(/\s+/);
    const hosts = await dir.file("known_hosts", `here ${type} ${base64}\n`);
    await using agent = await startSshAgent([], [
      ...["-h", "here", "-H", hosts, file],
    ]);

    for (const engine of [undefined, ssh2]) {
      const by = engine ? { engine } : {};
      await using connection = await connect({
        ...to(here, agent.socket),
        ...by,
      });
      assertEquals(connection.server.user, here.user);
      const { tried } = await assertRejects(
        () => connect({ ...to(elsewhere, agent.socket), ...by }),
        AuthenticationError,
      );
      assertEquals(tried, [`agent ${agent.socket} with 0 keys`]);
    }
  },
);
