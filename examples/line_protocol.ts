/**
 * A store of words at a port of the server, with a protocol of lines: `SET key
 * value`, `GET key` and `QUIT`. No port is open here.
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/line_protocol.ts ssh://alice@server.example 8022
 *
 * There: `nc 127.0.0.1 8022`
 *
 * @module
 */

import { connect, type ForwardedConn, listen, RForwardError } from "../mod.ts";

const [url = "", bindPort = ""] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !/^\d+$/.test(bindPort)) {
  console.error("usage: line_protocol.ts ssh://USER@HOST PORT");
  Deno.exit(2);
}
const { hostname, port, username: user } = server;

/** The longest line that is read, in characters: whoever connects may send anything. */
const MAX_LINE = 1000;

async function* linesOf(conn: ForwardedConn): AsyncGenerator<string> {
  let rest = "";
  for await (const text of conn.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > MAX_LINE) throw new Error("a line is too long");
  }
}

const words = new Map<string, string>();

function answer(line: string): string {
  const [, command = "", key = "", value] =
    /^(\S*)(?: +(\S+))?(?: +(.*))?$/.exec(line) ?? [];
  switch (command.toUpperCase()) {
    case "SET":
      if (value === undefined) return "ERROR usage: SET key value";
      words.set(key, value);
      return "OK";
    case "GET":
      return words.get(key) ?? "NONE";
    default:
      return "ERROR use SET, GET or QUIT";
  }
}

async function serveLines(conn: ForwardedConn): Promise<void> {
  using _close = conn;
  for await (const line of linesOf(conn)) {
    if (/^quit$/i.test(line)) break;
    await conn.write(new TextEncoder().encode(`${answer(line)}\n`));
  }
  await conn.closeWrite();
}

try {
  await using connection = await connect({
    hostname,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
  });
  await using listener = await listen(connection, { port: Number(bindPort) });
  console.log(`listening on port ${listener.port} of ${hostname}`);
  for await (const conn of listener) {
    serveLines(conn).catch((error) => console.warn(error.message));
  }
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
