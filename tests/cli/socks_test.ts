/** SOCKS and the PROXY protocol with the command, beside `ssh -R port`. */
import { join } from "node:path";
import { assertEquals } from "../assert.ts";
import { receive, send, visit } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { curl } from "../servers/curl.ts";
import { freePort } from "../servers/free_port.ts";
import { listeningAt } from "../servers/listening.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { startWebServer } from "../servers/web_servers.ts";
import { eventually } from "./eventually.ts";
import { RforwardProcess } from "./rforward_process.ts";

serverTest(
  ["sshd", "ssh", "curl"],
  "rforward -R port is the SOCKS proxy that ssh -R port is",
  async () => {
    await using sshd = await startSshd();
    await using web = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("a page"),
    );
    const ports = { ssh: freePort(), rforward: freePort() };
    const permit = [
      "-o",
      `PermitRemoteOpen=localhost:${web.addr.port} 127.0.0.1:${web.addr.port}`,
    ];
    await using _ssh = new Deno.Command("ssh", {
      args: ["-N", "-R", `${ports.ssh}`, ...permit, ...sshArguments(sshd)],
      stdin: "null",
      stderr: "null",
    }).spawn();
    await using rforward = new RforwardProcess({
      args: ["-R", `${ports.rforward}`, ...permit, ...sshArguments(sshd)],
    });
    await rforward.next("verified");
    await eventually("ssh listens", () => listeningAt(ports.ssh).length > 0);

    const seen = async (port: number) => {
      const results: (number | string)[] = [];
      for (const scheme of ["socks4", "socks4a", "socks5", "socks5h"]) {
        for (const host of ["localhost", "127.0.0.1"]) {
          const { code, stdout } = await curl(
            ...["-4", "--proxy", `${scheme}://127.0.0.1:${port}`],
            `http://${host}:${web.addr.port}/`,
          );
          results.push(stdout || code);
        }
      }
      // What is not permitted: ssh ends the connection, without SOCKS's answer.
      const denied = await curl(
        ...["--proxy", `socks5://127.0.0.1:${port}`],
        `http://127.0.0.1:${sshd.port}/`,
      );
      return [results, denied.code];
    };
    const theirs = await seen(ports.ssh);
    assertEquals(theirs, [Array(8).fill("a page"), 97]);
    assertEquals(await seen(ports.rforward), theirs);
  },
);

serverTest(
  ["sshd", "curl", "mount"],
  "rforward -R port looks names up on this side, and takes RemoteForward with one argument",
  async () => {
    await using sshd = await startSshd();
    await using web = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => new Response(new URL(request.url).hostname),
    );
    const name = `${crypto.randomUUID()}.test`;
    const hosts = join(sshd.dir, "hosts");
    await Deno.writeTextFile(hosts, `127.0.0.1 localhost ${name}\n`);
    const port = freePort();
    // Only the command has this file for /etc/hosts.
    const mount = `mount --bind ${hosts} /etc/hosts && exec "$@"`;
    await using rforward = new RforwardProcess({
      through: ["unshare", "--mount", "sh", "-c", mount, "sh"],
      args: ["-o", `RemoteForward ${port}`, ...sshArguments(sshd)],
    });
    await rforward.next("verified");
    const url = `http://${name}:${web.addr.port}/`;
    const direct = await curl(url);
    assertEquals(direct.code, 6); // only this proxy knows the name
    for (const scheme of ["socks4a", "socks5h"]) {
      const { stdout, stderr } = await curl(
        ...["--proxy", `${scheme}://127.0.0.1:${port}`, url],
      );
      assertEquals(stdout, name, stderr);
    }
  },
);

serverTest(
  ["sshd", "nginx"],
  "rforward --proxy-protocol passes the originator to targets",
  async () => {
    await using sshd = await startSshd();
    await using web = await startWebServer("nginx");
    const port = freePort();
    await using rforward = new RforwardProcess({
      args: [
        ...["--proxy-protocol", "2", "-R", `${port}:127.0.0.1:${web.port}`],
        ...sshArguments(sshd),
      ],
    });
    await rforward.next("verified");
    for (const hostname of ["127.0.0.1", "::1"]) {
      using visitor = await visit(port, hostname);
      await send(visitor, "GET / HTTP/1.0\r\n\r\n");
      await receive(visitor);
      assertEquals(await web.logged(), `${hostname} ${visitor.localAddr.port}`);
    }
  },
);
