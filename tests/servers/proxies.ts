/** Real HTTP and SOCKS proxies on loopback. */
import { join } from "node:path";
import { findProgram } from "./availability.ts";
import { withFreePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";
import { startListening } from "./start_listening.ts";

/** A proxy. */
export interface RealProxy extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
}

/** What a proxy asks its users for. */
export interface ProxyLogin {
  user: string;
  password: string;
}

/** Starts tinyproxy, which speaks HTTP CONNECT. */
export async function startTinyproxy(
  { login, config = [] }: { login?: ProxyLogin; config?: string[] } = {},
): Promise<RealProxy & Pick<ServerProcess, "log">> {
  const directory = await Deno.makeTempDir({ prefix: "rforward-tinyproxy-" });
  const pidFile = join(directory, "pid");
  const file = join(directory, "tinyproxy.conf");
  const { started, port } = await withFreePort(async (port) => {
    await Deno.writeTextFile(
      file,
      [
        `Port ${port}`,
        "Listen 127.0.0.1",
        "Timeout 60",
        "LogLevel Info",
        `LogFile "${join(directory, "requests")}"`,
        `PidFile "${pidFile}"`,
        ...login ? [`BasicAuth ${login.user} ${login.password}`] : [],
        ...config,
        "",
      ].join("\n"),
    );
    const started = await ServerProcess.start({
      program: findProgram("tinyproxy") ?? "tinyproxy",
      args: ["-d", "-c", file],
      directory,
      pidFile,
    });
    return { started, port };
  });
  return {
    hostname: "127.0.0.1",
    port,
    log: () => Deno.readTextFile(join(directory, "requests")),
    async [Symbol.asyncDispose]() {
      await started[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Starts microsocks, which speaks SOCKS 5. */
export async function startMicrosocks(
  { login }: { login?: ProxyLogin } = {},
): Promise<RealProxy> {
  const microsocks = await startListening("microsocks", (port) => [
    ...["-i", "127.0.0.1", "-p", `${port}`],
    ...login ? ["-u", login.user, "-P", login.password] : [],
  ]);
  return { hostname: "127.0.0.1", ...microsocks };
}
