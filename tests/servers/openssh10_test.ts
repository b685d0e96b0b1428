import { assertMatch } from "../assert.ts";
import { assertKillsSessions } from "./assert_kills_sessions.ts";
import { openssh10, serverTest } from "./availability.ts";
import { startSshd10 } from "./openssh10.ts";
import { run } from "./run.ts";
import { sshArguments } from "./ssh_server.ts";

serverTest(
  "sshd10",
  "startSshd10() starts a server that its ssh logs in to with ML-KEM",
  async () => {
    await using sshd = await startSshd10();

    const printed = await run("sh", [
      ...["-c", 'exec "$@" 2>&1', "sh", openssh10("ssh"), "-v"],
      ...["-o", "KexAlgorithms=mlkem768x25519-sha256"],
      ...sshArguments(sshd),
      "echo hello",
    ]);

    assertMatch(printed, /^hello$/m);
    assertMatch(printed, /remote software version OpenSSH_10/);
    assertMatch(printed, /kex: algorithm: mlkem768x25519-sha256/);
  },
);

serverTest(
  "sshd10",
  "startSshd10() starts a server whose sessions can be killed",
  async () => {
    await using sshd = await startSshd10();
    await assertKillsSessions(sshd);
  },
);
