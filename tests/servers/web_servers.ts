/** Web servers that take the PROXY protocol, and log who connected. */
import { join } from "node:path";
import { findProgram } from "./availability.ts";
import { freePort } from "./free_port.ts";
import { listeningAt } from "./listening.ts";

/** The servers, by their programs' names. */
export const webServers = ["nginx", "haproxy"] as const;

/** A server that answers each request with an empty page. */
export interface WebServer extends AsyncDisposable {
  readonly port: number;
  /** The next line of its log: `client port`, as it sees them. */
  logged(): Promise<string>;
}

/** Starts one on a port of 127.0.0.1; it listens when the promise is fulfilled. */
export async function startWebServer(
  kind: typeof webServers[number],
): Promise<WebServer> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-web-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const port = freePort();
  const file = join(dir, "conf");
  await Deno.writeTextFile(file, `${configOf(kind, port, dir)}\n`);
  const child = new Deno.Command(findProgram(kind) ?? kind, {
    args: kind === "nginx"
      ? ["-p", dir, "-c", file, "-e", "stderr"]
      : ["-db", "-f", file],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  stack.defer(() => kill(child));
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(lineStream()).getReader();
  stack.defer(() => lines.cancel());
  await listening(port);
  const kept = stack.move();
  return {
    port,
    async logged() {
      const { value } = await lines.read();
      if (value === undefined) throw new Error(`${kind} has ended`);
      return value;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function configOf(
  kind: typeof webServers[number],
  port: number,
  dir: string,
): string {
  if (kind === "haproxy") {
    return `
      global
        log stdout format raw local0
      defaults
        mode http
        timeout client 10s
        timeout connect 10s
        timeout server 10s
      frontend web
        bind 127.0.0.1:${port} accept-proxy
        log global
        log-format "%ci %cp"
        http-request return status 200
    `;
  }
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${dir}/${name};`).join("\n");
  return `
    daemon off;
    master_process off;
    pid ${dir}/pid;
    events {}
    http {
      ${temporary}
      log_format client "$proxy_protocol_addr $proxy_protocol_port";
      access_log /dev/stdout client;
      server {
        listen 127.0.0.1:${port} proxy_protocol;
        return 200;
      }
    }
  `;
}

async function kill(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
  await child.status;
}

/** Splits text into lines. */
function lineStream(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(line.trim());
    },
  });
}

/** Waits until it listens; a connection would be in its log. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; listeningAt(port).length === 0; tries++) {
    if (tries === 500) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
