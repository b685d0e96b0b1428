/**
 * Prints here what an X2Go session prints, until Ctrl-C:
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts,/tmp \
 *       --allow-write=/tmp --allow-run=lp \
 *       examples/x2go_print.ts ssh://alice@server.example NAME
 *
 * NAME is the session's; x2go_session.ts lists them. Jobs arrive as PDF in a
 * temporary directory. To keep them instead, use `saveJobs(directory)`.
 *
 * @module
 */

import { connect, RForwardError } from "../mod.ts";
import { runCommand, X2GoSession } from "../src/x2go/mod.ts";

const [url = "", name] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !name) {
  console.error("usage: x2go_print.ts ssh://USER@HOST NAME");
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
  const print = runCommand("lp", ({ title, file }) => ["-t", title, file]);
  await session.sharePrinter(async (job) => {
    await print(job);
    console.log(`printed ${job.title}`);
  }, { onProblem: (problem) => console.warn(problem.message) });
  console.log(`${name} prints here`);

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
