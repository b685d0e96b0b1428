import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { assertKillsSessions } from "./assert_kills_sessions.ts";
import { startAsyncsshServer } from "./asyncssh_server.ts";
import { serverTest } from "./availability.ts";
import { run } from "./run.ts";
import { sshArguments } from "./ssh_server.ts";

serverTest(
  "asyncssh",
  "startAsyncsshServer() starts a server that ssh logs in to and runs commands on",
  async () => {
    await using server = await startAsyncsshServer();

    const printed = await run(
      "ssh",
      [...sshArguments(server), "tr a-z A-Z; exit 0"],
      "hello",
    );

    assertEquals(printed, "HELLO");
    const error = await assertRejects(
      () => run("ssh", [...sshArguments(server), "exit 7"]),
      Error,
    );
    assertMatch(error.message, /exited with 7/);
  },
);

serverTest(
  "asyncssh",
  "startAsyncsshServer() offers what asyncssh.listen() is given",
  async () => {
    await using server = await startAsyncsshServer({
      listen: { kex_algs: ["ecdh-sha2-nistp521"] },
    });

    const printed = await run("sh", [
      ...["-c", 'exec "$@" 2>&1', "sh", "ssh", "-v"],
      ...sshArguments(server),
      "true",
    ]);

    assertMatch(printed, /remote software version AsyncSSH/);
    assertMatch(printed, /kex: algorithm: ecdh-sha2-nistp521/);
  },
);

serverTest(
  "asyncssh",
  "startAsyncsshServer() starts a server whose connections can be aborted",
  async () => {
    await using server = await startAsyncsshServer();
    await assertKillsSessions(server);
  },
);
