/** UpdateHostKeys with a real sshd: known_hosts ends as ssh leaves it. */
import { join } from "node:path";
import { connect } from "../../../src/ssh/connect.ts";
import { HostKeyError } from "../../../src/errors.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { certificateRig } from "../keys/public/certificate_rig.ts";

serverTest(
  ["sshd", "ssh"],
  "connect() keeps known_hosts up to date as ssh does",
  async () => {
    await using rig = await certificateRig();
    const [rsa, ecdsa, gone] = await Promise.all([
      rig.key("rsa", "-t", "rsa", "-b", "2048"),
      rig.key("ecdsa", "-t", "ecdsa"),
      rig.key("gone"),
    ]);
    await using sshd = await startSshd({
      config: [`HostKey ${rsa.file}`, `HostKey ${ecdsa.file}`],
    });
    const name = `[${sshd.hostname}]:${sshd.port}`;
    const shown = sshd.knownHosts.trim().split(" ").slice(0, 3).join(" ");
    const line = (key: { line: string }, host = name) =>
      `${host} ${key.line.split(" ").slice(0, 2).join(" ")}`;
    const known = join(rig.dir, "known");
    const privateKeys = [{ file: sshd.keyFile }];

    const bySsh = async () => {
      await run("ssh", [
        ...["-F", "none", "-o", "BatchMode=yes", "-o", "UpdateHostKeys=yes"],
        ...[
          "-o",
          `UserKnownHostsFile=${known}`,
          "-o",
          "GlobalKnownHostsFile=none",
        ],
        ...["-o", "StrictHostKeyChecking=yes", "-i", sshd.keyFile],
        ...[
          "-p",
          String(sshd.port),
          `${sshd.user}@${sshd.hostname}`,
          "sleep .3",
        ],
      ]);
    };
    const byUs = async () => {
      const { promise: updated, resolve } = Promise.withResolvers<void>();
      const note = (message: string) => {
        if (/are not updated|not updated:|are up to date/.test(message)) {
          resolve();
        }
      };
      await using connection = await connect({
        hostname: sshd.hostname,
        port: sshd.port,
        user: sshd.user,
        privateKeys,
        hostKeys: { files: [known], updateFiles: [known] },
        logger: { debug: note, info: note, warn: note, error: note },
      });
      await updated;
      assert(connection.server);
    };

    for (
      const lines of [
        [shown],
        [shown, line(rsa)],
        [shown, line(rsa), line(ecdsa)],
        [line(gone), shown],
        [line(gone), shown, line(rsa), line(ecdsa)],
        [`# comment`, shown, line(gone, "other")],
        [shown, line(gone), line(gone, "other")],
        [shown, line(rsa, "other")],
        [shown.replace(name, `${name},a,b`)],
        [shown.replace(name, "*")],
        [shown, `@cert-authority ${line(gone)}`],
        [shown, `@revoked ${line(gone)}`],
      ]
    ) {
      const results: string[][] = [];
      for (const logIn of [bySsh, byUs]) {
        await Deno.writeTextFile(known, `${lines.join("\n")}\n`);
        await logIn();
        results.push(
          (await Deno.readTextFile(known)).trim().split("\n").sort(),
        );
      }
      const [theirs, ours] = results;
      assertEquals(ours, theirs, lines.join("\n"));
    }
  },
);

serverTest(
  ["sshd", "ssh"],
  "connect() updates nothing unless it should",
  async () => {
    await using rig = await certificateRig();
    const ecdsa = await rig.key("ecdsa", "-t", "ecdsa");
    await using sshd = await startSshd({ config: [`HostKey ${ecdsa.file}`] });
    const known = join(rig.dir, "known");
    const trusted = join(rig.dir, "trusted");
    const logIn = async (hostKeys: object, isUpdated = false) => {
      const { promise: updated, resolve } = Promise.withResolvers<void>();
      const note = (message: string) => {
        if (/are up to date/.test(message)) resolve();
      };
      await Deno.writeTextFile(known, "");
      await Deno.writeTextFile(trusted, sshd.knownHosts);
      await using connection = await connect({
        hostname: sshd.hostname,
        port: sshd.port,
        user: sshd.user,
        privateKeys: [{ file: sshd.keyFile }],
        hostKeys,
        logger: { debug: note, info: note, warn: note, error: note },
      });
      await connection.ping();
      await connection.ping();
      if (isUpdated) await updated;
      return await Deno.readTextFile(known);
    };

    assertEquals(await logIn({ files: [trusted, known] }), "");
    const update = { updateFiles: [known] };
    // Known from a file that is not to be updated.
    assertEquals(await logIn({ files: [trusted, known], ...update }), "");
    // No policy accepts it.
    const accepted = await logIn({
      files: [known],
      acceptNew: true,
      ...update,
    });
    assertEquals(accepted.trim().split("\n").length, 1);
    // Accepted by a person.
    const confirmed = await logIn({
      files: [known],
      acceptNew: () => true,
      ...update,
    }, true);
    assertEquals(confirmed.trim().split("\n").length, 2);
  },
);

serverTest(
  "sshd",
  "connection.close() waits for an update of known_hosts that is under way",
  async () => {
    await using sshd = await startSshd();
    const slow = join(sshd.dir, "slow");
    await run("mkfifo", [slow]);
    const files = [sshd.knownHostsFile];
    const connection = await connect({
      hostname: sshd.hostname,
      port: sshd.port,
      user: sshd.user,
      privateKeys: [{ file: sshd.keyFile }],
      hostKeys: { files, updateFiles: [slow, ...files] },
    });
    const writer = await Deno.open(slow, { write: true }); // once it is read
    let isClosed = false;
    const closing = connection.close().then(() => isClosed = true);
    await connection.closed;
    await new Promise((resolve) => setTimeout(resolve));
    assert(!isClosed);
    writer.close();
    await closing;
  },
);

serverTest(
  ["sshd", "ssh"],
  "connect() takes RSA keys of minRsaBits or more",
  async () => {
    await using rig = await certificateRig();
    const small = await rig.key("small", "-t", "rsa", "-b", "1024");
    await using sshd = await startSshd({
      config: [`HostKey ${small.file}`, "RequiredRSASize 1024"],
      authorizedKeys: [small.line],
    });
    const options = {
      hostname: sshd.hostname,
      port: sshd.port,
      user: sshd.user,
      algorithms: { serverHostKey: ["rsa-sha2-512"] },
      hostKeys: () => true,
      privateKeys: [{ file: small.file }],
    };

    const error = await assertRejects(() => connect(options), HostKeyError);
    assertEquals(error.reason, "rejected");
    assertMatch(error.message, /has 1024 bits, at least 2048 are required/);
    await using connection = await connect({ ...options, minRsaBits: 1024 });
    assert(connection.server);
  },
);
