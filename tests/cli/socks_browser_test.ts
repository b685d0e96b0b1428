import { join } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { optionalTest } from "../servers/availability.ts";
import { startChromium } from "../servers/chromium.ts";
import { curl } from "../servers/curl.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { RforwardProcess } from "./rforward_process.ts";

optionalTest(
  ["sshd", "chromium", "curl", "mount"],
  "a browser loads a page and what is in it through rforward -R port, by a name that is known on this side alone",
  async () => {
    await using sshd = await startSshd();
    await using web = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        const { pathname, hostname } = new URL(request.url);
        return pathname === "/script.js"
          ? new Response(`document.title = "a script of ${hostname}"`, {
            headers: { "content-type": "text/javascript" },
          })
          : new Response("<script src=script.js></script><p>a page</p>", {
            headers: { "content-type": "text/html" },
          });
      },
    );
    const name = `${crypto.randomUUID()}.test`;
    const url = `http://${name}:${web.addr.port}/`;
    const hosts = join(sshd.dir, "hosts");
    await Deno.writeTextFile(hosts, `127.0.0.1 localhost ${name}\n`);
    await using rforward = new RforwardProcess({
      through: [
        // Only the command has this file for /etc/hosts.
        ...["unshare", "--mount", "sh", "-c"],
        ...[`mount --bind ${hosts} /etc/hosts && exec "$@"`, "sh"],
      ],
      args: [
        ...["-R", "127.0.0.1:0", ...sshArguments(sshd)],
        // Chromium's own services are not reached.
        ...["-o", `PermitRemoteOpen=${name}:${web.addr.port}`],
      ],
    });
    const port = await rforward.up();
    assertEquals((await curl(url)).code, 6);
    await using browser = await startChromium([
      `--proxy-server=socks5://127.0.0.1:${port}`,
    ]);
    await browser.open(url);
    await browser.until(`document.title === 'a script of ${name}'`);
    assertEquals(await browser.evaluate("document.body.innerText"), "a page");
    assert(rforward.all("opened").length > 0);

    await browser.open("http://denied.test/");
    await browser.until(
      "document.body.innerText.includes('ERR_SOCKS_CONNECTION_FAILED')",
    );
  },
);
