/**
 * Lets the programs of an X2Go session play sound here, until Ctrl-C:
 *
 *     PULSE=$XDG_RUNTIME_DIR/pulse/native
 *     deno run --allow-net=server.example:22,unix:$PULSE \
 *       --allow-env=HOME,XDG_RUNTIME_DIR \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts,$PULSE,$HOME/.config/pulse/cookie \
 *       --allow-write=$PULSE \
 *       examples/x2go_sound.ts ssh://alice@server.example NAME
 *
 * NAME is the session's; x2go_session.ts lists them. PipeWire is as good as
 * PulseAudio.
 *
 * @module
 */

import { connect } from "../mod.ts";
import { X2GoSession } from "../src/x2go/mod.ts";

const [url, name] = Deno.args;
if (!url || !name) throw new Error("usage: x2go_sound.ts ssh://USER@HOST NAME");
const { hostname: host, port, username: user } = new URL(url);
const home = Deno.env.get("HOME");

await using connection = await connect({
  host,
  port: Number(port || 22),
  user,
  privateKeys: [{ file: `${home}/.ssh/id_ed25519` }],
});
await using session = await X2GoSession.attach(connection, name);
const sound = await session.shareSound({
  target: { path: `${Deno.env.get("XDG_RUNTIME_DIR")}/pulse/native` },
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
