/**
 * Shares a Unix socket of this side on the server: here PulseAudio's, so that
 * programs there are heard here, through a Unix socket on the server too.
 *
 *     PULSE=$XDG_RUNTIME_DIR/pulse/native
 *     deno run --no-prompt --allow-net=server.example:22,unix:$PULSE \
 *       --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts,$PULSE \
 *       --allow-write=$PULSE \
 *       examples/unix_socket.ts ssh://alice@server.example $PULSE
 *
 * There: `PULSE_SERVER=unix:/tmp/alice-pulse paplay sound.wav`
 *
 * @module
 */

import { connect, forward, RForwardError } from "../mod.ts";

const [url = "", socket] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !socket) {
  console.error("usage: unix_socket.ts ssh://USER@HOST SOCKET");
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
  await using tunnel = await forward(connection, {
    bind: { path: `/tmp/${user}-pulse` },
    target: { path: socket },
    unlinkStale: true, // sshd leaves the last run's socket behind
    onTargetError: (error) => console.warn(error.message),
  });
  console.log(`${host}:/tmp/${user}-pulse leads to ${tunnel.target}`);
  const { error } = await tunnel.closed;
  if (error) throw error;
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
