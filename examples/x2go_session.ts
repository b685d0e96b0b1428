/**
 * Lists, starts, suspends, resumes and ends X2Go sessions:
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/x2go_session.ts ssh://alice@server.example list
 *
 * Instead of `list`: `start COMMAND`, or `suspend`, `resume` or `terminate` and
 * the NAME of a session. What shows a session is another program's business:
 * nxproxy's, at the graphics port on the server. x2goserver ends a session to
 * which no display connects within 60 s of its start.
 *
 * @module
 */

import { connect, RForwardError } from "../mod.ts";
import { type SessionInfo, X2GoSession } from "../src/x2go/mod.ts";

const [url = "", verb = "", argument] = Deno.args;
const server = URL.parse(url);
const isVerb = argument
  ? ["start", "suspend", "resume", "terminate"].includes(verb)
  : verb === "list";
if (!server?.username || !isVerb) {
  console.error(
    "usage: x2go_session.ts ssh://USER@HOST list | start COMMAND | suspend|resume|terminate NAME",
  );
  Deno.exit(2);
}
const { hostname: host, port, username: user } = server;

function describe(session: SessionInfo): string {
  const { name, state, display, graphicsPort } = session;
  return `${name} ${state} on display :${display}, graphics port ${graphicsPort}`;
}

try {
  await using connection = await connect({
    hostname: host,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
  });
  if (!argument) {
    for (const session of await X2GoSession.list(connection)) {
      console.log(describe(session));
    }
  } else {
    const session = verb === "start"
      ? await X2GoSession.start(connection, { command: argument })
      : await X2GoSession.attach(connection, argument);
    if (verb === "start") await session.run(argument);
    else if (verb === "suspend") await session.suspend();
    else if (verb === "resume") await session.resume();
    else await session.terminate();
    console.log(describe(session.info));
  }
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
