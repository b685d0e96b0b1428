import { forward } from "../../../mod.ts";
import { assertEquals, assertMatch } from "../../assert.ts";
import { findProgram, serverTest } from "../../servers/availability.ts";
import { startRig } from "../rig.ts";
import { THOROUGH } from "../../thorough.ts";

const NAME = "a browser loads a page and what is in it through a SOCKS proxy";

async function test(): Promise<void> {
  await using rig = await startRig("sshd");
  await using web = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      new URL(request.url).pathname === "/script.js"
        ? new Response("document.title = 'a title of the script';", {
          headers: { "content-type": "text/javascript" },
        })
        : new Response("<script src=script.js></script><p>a page</p>", {
          headers: { "content-type": "text/html" },
        }),
  );
  const { port } = web.addr;
  let connections = 0;
  await using proxy = await forward(rig.connection, {
    bind: { port: 0 },
    // Chromium's own services are not reached.
    target: { socks: { permit: [`localhost:${port}`] } },
    onConnection: () => connections++,
  });
  const profile = await Deno.makeTempDir({ prefix: "rforward-chromium-" });
  try {
    const { stdout, code } = await new Deno.Command("chromium", {
      args: [
        ...["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"],
        `--user-data-dir=${profile}`,
        `--proxy-server=socks5://127.0.0.1:${proxy.port}`,
        "--proxy-bypass-list=<-loopback>",
        "--virtual-time-budget=5000",
        `http://localhost:${port}/`,
      ],
      stderr: "null",
    }).output();
    assertEquals(code, 0);
    const page = new TextDecoder().decode(stdout);
    assertMatch(page, /<title>a title of the script<\/title>/);
    assertMatch(page, /<p>a page<\/p>/);
    assertEquals(connections > 0, true);
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
}

// Debian's chromium takes 350 MB, so it is not asked for everywhere.
if (THOROUGH || findProgram("chromium")) {
  serverTest(["sshd", "chromium"], NAME, test);
} else {
  Deno.test({
    name:
      `${NAME} (ignored: chromium is not installed; apt-get install chromium)`,
    ignore: true,
    fn: test,
  });
}
