/**
 * Logs with `@std/log` and takes a connection line by line with `@std/streams`:
 * what programs on the server write to the port appears in the log here.
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/logging.ts ssh://alice@server.example 8514
 *
 * There: `echo disk full | nc -N 127.0.0.1 8514`
 *
 * @module
 */

import { ConsoleHandler, getLogger, setup } from "@std/log";
import { TextLineStream } from "@std/streams";
import { connect, forward, RForwardError } from "../mod.ts";

const [url = "", bindPort = ""] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !/^\d+$/.test(bindPort)) {
  console.error("usage: logging.ts ssh://USER@HOST PORT");
  Deno.exit(2);
}
const { hostname: host, port, username: user } = server;

setup({
  handlers: { console: new ConsoleHandler("DEBUG") },
  loggers: { default: { level: "DEBUG", handlers: ["console"] } },
});
// A logger of @std/log is a logger of rforward as it is.
const logger = getLogger();

try {
  await using connection = await connect({
    hostname: host,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
    logger,
  });
  await using tunnel = await forward(connection, {
    bind: { port: Number(bindPort) },
    target: async (conn) => {
      const lines = conn.readable
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) logger.info(`the server says: ${line}`);
    },
    logger,
  });
  const { error } = await tunnel.closed;
  if (error) throw error;
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
