/**
 * Lets the programs of an X2Go session play sound here, until Ctrl-C:
 *
 *     PULSE=$XDG_RUNTIME_DIR/pulse/native
 *     deno run --no-prompt --allow-net=server.example:22,unix:$PULSE \
 *       --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts,$PULSE,$HOME/.config/pulse/cookie \
 *       --allow-write=$PULSE \
 *       examples/x2go_sound.ts ssh://alice@server.example NAME $PULSE
 *
 * NAME is the session's; x2go_session.ts lists them. PipeWire is as good as
 * PulseAudio.
 *
 * @module
 */

import { connect, RForwardError } from "../mod.ts";
import { X2GoSession } from "../src/x2go/mod.ts";

const [url = "", name, socket] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !name || !socket) {
  console.error("usage: x2go_sound.ts ssh://USER@HOST NAME SOCKET");
  Deno.exit(2);
}
const { hostname: host, port, username: user } = server;
const home = Deno.env.get("HOME");

try {
  await using connection = await connect({
    hostname: host,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${home}/.ssh/id_ed25519` }],
  });
  await using session = await X2GoSession.attach(connection, name);
  const sound = await session.shareSound({
    target: { path: socket },
    cookieFile: `${home}/.config/pulse/cookie`,
    onProblem: (problem) => console.warn(problem.message),
  });
  console.log(`${name} is heard at ${sound.tunnel?.target}`);
  console.log("programs in it need", sound.environment);

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
