import { ConnectError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type { SshConnection } from "../../../src/ssh/connection.ts";
import { SharedFolders } from "../../../src/sftp/files/shared_folders.ts";
import { serveFolders } from "../../../src/x2go/folders/folder_endpoint.ts";
import type { ReadySession } from "../../../src/x2go/server/session_info.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { receive, startRig, visit } from "../../forward/rig.ts";
import { serverTest } from "../../servers/availability.ts";
import { run } from "../../servers/run.ts";
import { Desk } from "../desk.ts";

serverTest(
  "sshd",
  "serveFolders() serves sshfs however many silent connections others open",
  async () => {
    await using rig = await startRig("sshd");
    await using desk = await Desk.create();
    const folders = new SharedFolders();
    await folders.add({ path: await desk.mkdir("folder") });
    await desk.write("folder/file", "");
    const endpoint = await serveFolders(
      {
        connection: rig.connection,
        session: { foldersPort: 0 } as ReadySession,
      },
      folders,
      silentLogger,
    );
    const { port } = endpoint.tunnel;
    using crowd = new DisposableStack();
    const strangers: Deno.Conn[] = [];
    for (let i = 0; i < 110; i++) strangers.push(crowd.use(await visit(port)));

    const key = await desk.write("key", endpoint.privateKey);
    await Deno.chmod(key, 0o600);
    const known = await desk.write(
      "known",
      `[127.0.0.1]:${port} ${endpoint.hostKey}\n`,
    );
    const listed = await run("sftp", [
      ...["-q", "-b", "-", "-F", "none", "-P", `${port}`, "-i", key],
      ...["-o", `UserKnownHostsFile=${known}`, "-o", "IdentitiesOnly=yes"],
      ...[`${endpoint.user}@127.0.0.1:${desk.path}/folder`],
    ], "ls\n");

    assertEquals(listed.replaceAll(/sftp> .*\n/g, "").trim(), "file");
    await receive(strangers[0]!); // to its end: the oldest had to go
    await endpoint.close();
  },
);

serverTest(
  "sshd",
  "serveFolders() lets 64 clients log in, and the next when one has gone",
  async () => {
    await using rig = await startRig("sshd");
    const warnings: string[] = [];
    const endpoint = await serveFolders(
      {
        connection: rig.connection,
        session: { foldersPort: 0 } as ReadySession,
      },
      new SharedFolders(),
      { ...silentLogger, warn: (message) => warnings.push(message) },
    );
    const { user, privateKey, hostKey, tunnel: { port } } = endpoint;
    const logIn = () =>
      connect({
        ...{ hostname: "127.0.0.1", port, user },
        hostKeys: { text: `[127.0.0.1]:${port} ${hostKey}` },
        privateKeys: [{ text: privateKey }],
      });
    await using clients = new AsyncDisposableStack();
    const first = await logIn();
    for (let i = 1; i < 64; i++) clients.use(await logIn());
    assertEquals(warnings, []);

    await assertRejects(logIn, ConnectError);
    assertMatch(warnings.join(), /^one more SFTP client .* 64 are logged in$/);

    await first.close();
    // Its place is free once its files are closed.
    let next: SshConnection | undefined;
    while (!next) next = await logIn().catch(() => undefined);
    clients.use(next);
    await next.ping();
    await endpoint.close();
  },
);
