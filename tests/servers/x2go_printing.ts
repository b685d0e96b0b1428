import { join } from "node:path";
import { findProgram } from "./availability.ts";
import { withFreePort } from "./free_port.ts";
import { run } from "./run.ts";
import type { X2GoServer } from "./x2go.ts";

/** A real CUPS with one queue, whose jobs go to the X2Go sessions of the user who printed. */
export interface X2GoPrinter extends AsyncDisposable {
  /** Prints a page, as a program in a session of the user does; settles once the job is in the queue. */
  print(title: string): Promise<void>;
  /** What CUPS has logged. */
  log(): Promise<string>;
}

/** Starts a cupsd beside an X2Go server. */
export async function startPrinter(x2go: X2GoServer): Promise<X2GoPrinter> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-cups-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  // cupsd refuses directories that others could have written to.
  await Deno.chmod(dir, 0o755);
  for (const path of ["spool/tmp", "cache", "run", "log", "etc/ppd", "ssl"]) {
    await Deno.mkdir(join(dir, path), { recursive: true });
  }
  await run("chown", ["-R", "root:lp", dir]);
  await run("chmod", ["1770", join(dir, "spool/tmp")]);

  const files = join(dir, "cups-files.conf");
  await Deno.writeTextFile(
    files,
    [
      "SystemGroup root",
      `ServerRoot ${dir}/etc`,
      `StateDir ${dir}/run`,
      `CacheDir ${dir}/cache`,
      `RequestRoot ${dir}/spool`,
      `TempDir ${dir}/spool/tmp`,
      "ServerBin /usr/lib/cups",
      "DataDir /usr/share/cups",
      `ServerKeychain ${dir}/ssl`,
      `Printcap ${dir}/run/printcap`,
      `AccessLog ${dir}/log/access`,
      `ErrorLog ${dir}/log/error`,
      `PageLog ${dir}/log/page`,
      "",
    ].join("\n"),
  );
  const port = await withFreePort(async (port) => {
    const config = join(dir, "cupsd.conf");
    await Deno.writeTextFile(
      config,
      [
        `Listen 127.0.0.1:${port}`,
        `Listen ${dir}/run/cups.sock`,
        "WebInterface No",
        "Browsing Off",
        "DefaultAuthType None",
        "LogLevel info",
        "MaxLogSize 0",
        "<Location />",
        "  Order allow,deny",
        "  Allow 127.0.0.1",
        "</Location>",
        "<Policy default>",
        "  <Limit All>",
        "    Order deny,allow",
        "  </Limit>",
        "</Policy>",
        "",
      ].join("\n"),
    );
    const [nsenter = "", ...args] = x2go.asRoot;
    const cupsd = new Deno.Command(nsenter, {
      args: [
        ...[...args, findProgram("cupsd") ?? "cupsd", "-f"],
        ...["-c", config, "-s", files],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    stack.use(cupsd);
    let ended = false;
    cupsd.status.then(() => ended = true);
    for (;;) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return port;
      } catch {
        if (ended) throw new Error(await Deno.readTextFile(`${dir}/log/error`));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  });
  await run("env", [
    ...[`CUPS_SERVER=${dir}/run/cups.sock`, "lpadmin", "-p", "X2GO", "-E"],
    ...["-v", "cups-x2go:/", "-P", "/usr/share/ppd/cups-x2go/CUPS-X2GO.ppd"],
  ]);

  const resources = stack.move();
  return {
    async print(title) {
      const quoted = `'${title.replaceAll("'", `'\\''`)}'`;
      await x2go.run(
        `printf '%%!PS\nshowpage\n' | CUPS_SERVER=127.0.0.1:${port} lp -d X2GO -t ${quoted}`,
      );
    },
    log: () => Deno.readTextFile(`${dir}/log/error`),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
