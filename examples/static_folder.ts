/**
 * Serves a folder of this side on a port of the server, to read only:
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts,$HOME/public \
 *       examples/static_folder.ts ssh://alice@server.example 8022 $HOME/public
 *
 * There: `curl http://127.0.0.1:8022/picture.jpg`. Links that lead out of the
 * folder are not followed.
 *
 * @module
 */

import { join } from "node:path";
import { Hono } from "hono";
import { serveStatic } from "hono/deno";
import { connect, RForwardError, serve } from "../mod.ts";

const [url = "", bindPort = "", folder] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !/^\d+$/.test(bindPort) || folder === undefined) {
  console.error("usage: static_folder.ts ssh://USER@HOST PORT FOLDER");
  Deno.exit(2);
}
const { hostname, port, username: user } = server;

const root = await Deno.realPath(folder).catch((error) => {
  console.error(error.message);
  Deno.exit(1);
});

/** Whether a path is in the folder, after all links. Deno follows them wherever they lead. */
async function isInside(pathname: string): Promise<boolean> {
  try {
    const path = await Deno.realPath(join(root, decodeURIComponent(pathname)));
    return path === root || path.startsWith(`${root}/`);
  } catch {
    return false; // it does not exist, or is not a path
  }
}

const app = new Hono();
const files = serveStatic({ root });
app.use(async (c, next) =>
  await isInside(c.req.path) ? await files(c, next) : c.notFound()
);

try {
  await using connection = await connect({
    hostname,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
  });
  await using web = await serve(
    connection,
    { port: Number(bindPort) },
    (request) => app.fetch(request),
  );
  console.log(`http://127.0.0.1:${web.port}/ on ${hostname} is ${folder}`);
  await web.finished;
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
