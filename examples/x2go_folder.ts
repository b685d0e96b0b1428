/**
 * Mounts a folder of this machine in an X2Go session, until Ctrl-C:
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts,$HOME/Documents \
 *       --allow-write=$HOME/Documents --allow-sys=statfs \
 *       examples/x2go_folder.ts ssh://alice@server.example NAME $HOME/Documents
 *
 * NAME is the session's; x2go_session.ts lists them. Without --allow-write the
 * folder can only be read, without --allow-sys there is no `df` for it.
 *
 * @module
 */

import { connect, RForwardError } from "../mod.ts";
import { X2GoSession } from "../src/x2go/mod.ts";

const [url = "", name, folder] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !name || !folder) {
  console.error("usage: x2go_folder.ts ssh://USER@HOST NAME FOLDER");
  Deno.exit(2);
}
const { hostname: host, port, username: user } = server;

try {
  await using connection = await connect({
    hostname: host,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
  });
  await using session = await X2GoSession.attach(connection, name);
  const share = await session.shareFolder(folder);
  console.log(`${folder} is ${host}:${share.mountPoint}`);

  const { promise: interrupted, resolve: interrupt } = Promise
    .withResolvers<void>();
  Deno.addSignalListener("SIGINT", interrupt);
  await Promise.race([interrupted, connection.closed]);
  Deno.removeSignalListener("SIGINT", interrupt);
  connection.signal.throwIfAborted();
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
