/**
 * The contract on both engines. By default each engine is tested with some
 * servers; RFORWARD_THOROUGH=1 tests both with all of them.
 */
import { connect } from "../../src/ssh/connect.ts";
import type { Engine } from "../../src/ssh/engine.ts";
import { nativeEngine } from "../../src/ssh/native/native_engine.ts";
import { ssh2 } from "../../src/ssh/ssh2/mod.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { startAsyncsshServer } from "../servers/asyncssh_server.ts";
import { startDropbear } from "../servers/dropbear.ts";
import { startSshd } from "../servers/openssh.ts";
import { startSshd10 } from "../servers/openssh10.ts";
import type { SshServer } from "../servers/ssh_server.ts";
import { type ServerKind, testContract } from "./contract.ts";
import { THOROUGH } from "../thorough.ts";

// As root, sshd passes no signals on to commands.
const root = Deno.uid() === 0;
const user = root ? ["useradd" as const] : [];

/** What asyncssh 2.10 does when it is asked to cancel a forward that does not exist. */
const disconnects = "it ends the connection";
/** What it does when a channel is closed while its command runs. */
const aborts = "it ends the connection with the channel";

/** What the test server is not asked to do here. */
const commands = "it runs no commands";

const kinds: Record<string, ServerKind> = {
  sshd: {
    name: "sshd",
    needs: ["sshd", ...user],
    openssh: true,
    start: (config = []) => startSshd({ config, passwordUser: root }),
  },
  sshd10: {
    name: "OpenSSH 10",
    needs: ["sshd10", ...user],
    openssh: true,
    start: (config = []) => startSshd10({ config, passwordUser: root }),
  },
  dropbear: {
    name: "dropbear",
    needs: ["dropbear"],
    openssh: false,
    start: () => startDropbear(),
  },
  asyncssh: {
    name: "asyncssh",
    needs: ["asyncssh"],
    openssh: false,
    // It loses the end of their output, and the connection with their channel.
    runsNoCommands: true,
    lacks: {
      "cancelForward() of what is not bound is false, and the connection stays usable":
        disconnects,
      "ping() that is aborted leaves the connection as it is": disconnects,
      "ping() that is not answered in time ends the connection": aborts,
      "an opening names the bind and who connected": "it names port 0",
      "what the server cannot reach is refused, with its reason":
        "it has other words",
      "it reports who is on the other side": "it has other words",
    },
    start: () => startAsyncsshServer(),
  },
  testing: {
    name: "the test server",
    needs: [],
    openssh: false,
    runsNoCommands: true,
    lacks: {
      "what the server cannot reach is refused, with its reason":
        "it gives no words",
      "it reports who is on the other side": "it has other words",
      "ping() that is not answered in time ends the connection":
        "it cannot be stopped",
      "when the server is gone, everything that waits fails with what happened":
        commands,
      "close() ends everything that waits, and is idempotent": commands,
      "what was received before the end can be read after it": commands,
      "two connections to one server are apart": commands,
    },
    start: startTesting,
  },
};

/** The test server, as the fixtures of real servers are. */
async function startTesting(): Promise<SshServer> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-testing-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const { privateKey, publicKey } = await generateKeyPair();
  const [keyFile, knownHostsFile] = [`${dir}/key`, `${dir}/known_hosts`];
  await Deno.writeTextFile(keyFile, privateKey, { mode: 0o600 });
  const server = stack.use(
    await startTestServer({ authorizedKeys: publicKey }),
  );
  const { hostname, port, user, password, knownHosts } = server;
  await Deno.writeTextFile(knownHostsFile, knownHosts);
  const resources = stack.move();
  return {
    ...{ hostname, port, user, password, keyFile, dir },
    ...{ knownHosts, knownHostsFile, pid: Deno.pid },
    status: new Promise(() => {}),
    log: () => Promise.resolve(""),
    kill() {},
    killSessions() {
      server.disconnectAll();
      return 1;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const byDefault = new Map<Engine, string[]>([
  [nativeEngine, ["sshd", "dropbear"]],
  [ssh2, ["sshd"]],
]);

for (const [engine, some] of byDefault) {
  const by = engine === nativeEngine ? "" : `, by ${engine.name}`;
  for (const [id, kind] of Object.entries(kinds)) {
    if (!THOROUGH && !some.includes(id)) continue;
    testContract((options) => connect({ engine, ...options }), {
      ...kind,
      name: `${kind.name}${by}`,
    });
  }
}
