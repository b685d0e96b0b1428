/**
 * Shares a Unix socket of this side on the server: here PulseAudio's, so that
 * programs there are heard here, through a Unix socket on the server too.
 *
 *     PULSE=$XDG_RUNTIME_DIR/pulse/native
 *     deno run --allow-net=server.example:22,unix:$PULSE \
 *       --allow-env=HOME,XDG_RUNTIME_DIR \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts,$PULSE \
 *       --allow-write=$PULSE \
 *       examples/unix_socket.ts ssh://alice@server.example
 *
 * There: `PULSE_SERVER=unix:/tmp/alice-pulse paplay sound.wav`
 *
 * @module
 */

import { connect, forward } from "../mod.ts";

const [url] = Deno.args;
if (!url) throw new Error("usage: unix_socket.ts ssh://USER@HOST");
const { hostname: host, port, username: user } = new URL(url);

await using connection = await connect({
  host,
  port: Number(port || 22),
  user,
  privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
});
await using tunnel = await forward(connection, {
  bind: { path: `/tmp/${user}-pulse` },
  target: { path: `${Deno.env.get("XDG_RUNTIME_DIR")}/pulse/native` },
  onTargetError: (error) => console.warn(error.message),
});
console.log(`${host}:/tmp/${user}-pulse leads to ${tunnel.target}`);
await tunnel.closed;
