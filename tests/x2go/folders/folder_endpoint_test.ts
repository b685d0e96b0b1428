import { silentLogger } from "../../../src/logger.ts";
import { SharedFolders } from "../../../src/sftp/files/shared_folders.ts";
import { serveFolders } from "../../../src/x2go/folders/folder_endpoint.ts";
import type { ReadySession } from "../../../src/x2go/server/session_info.ts";
import { assertEquals } from "../../assert.ts";
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
