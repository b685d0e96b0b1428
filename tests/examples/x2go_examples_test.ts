/** The examples for X2Go, run as their first lines say, with exactly the permissions that they name. */
import { join } from "node:path";
import { X2GoSession } from "../../src/x2go/session/x2go_session.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { startPulseAudio } from "../servers/pulseaudio.ts";
import { startX2GoServer, type X2GoServer } from "../servers/x2go.ts";
import { startDisplay } from "../servers/x2go_display.ts";
import { startPrinter } from "../servers/x2go_printing.ts";
import { connectTo, ready } from "../x2go/client.ts";
import { Desk } from "../x2go/desk.ts";
import { keepSession } from "../x2go/keep_session.ts";
import { startExample } from "./example_process.ts";

serverTest(
  ["x2gostartagent", "nxproxy"],
  "examples/x2go_session.ts starts, lists, suspends, resumes and ends a session",
  async () => {
    await using x2go = await startX2GoServer();
    await using display = await startDisplay();
    await using home = await createHome(x2go);
    const run = async (...args: string[]): Promise<string> => {
      await using example = startExample({
        name: "x2go_session.ts",
        permissions: [home.net, "--allow-env=HOME", home.read],
        args: [home.url, ...args],
        env: { HOME: home.path },
      });
      const output = await example.output();
      assertEquals((await example.status).code, 0, output);
      return output;
    };

    const started = await run("start", "sleep 600");
    const [name = ""] = started.split(" ");
    assertMatch(started, /^\S+_stRsleep_dp24 starting on display :\d+, /);
    assertEquals(await run("list"), started);
    await using connection = await connectTo(x2go);
    const session = await X2GoSession.attach(connection, name);
    await using shown = display.show(ready(session));
    await x2go.untilState(name, "RUNNING");

    assertMatch(await run("suspend", name), / suspended /);
    await shown.status;
    assertMatch(await run("resume", name), / resuming /);
    assertMatch(await run("terminate", name), / finished /);
    assertEquals(await run("list"), "");
  },
);

serverTest(
  ["x2goprint", "pulseaudio"],
  "examples/x2go_sound.ts, x2go_folder.ts and x2go_print.ts share with a session until SIGINT",
  async (t) => {
    await using x2go = await startX2GoServer();
    await using connection = await connectTo(x2go);
    const session = await X2GoSession.start(connection, { command: "xterm" });
    await using _kept = await keepSession(x2go, session);
    const { name } = session.info;
    await using home = await createHome(x2go);

    await t.step("x2go_sound.ts", async () => {
      await using pulse = await startPulseAudio();
      await Deno.mkdir(join(home.path, ".config/pulse"), { recursive: true });
      const cookie = join(home.path, ".config/pulse/cookie");
      await Deno.copyFile(pulse.cookieFile, cookie);
      await using example = startExample({
        name: "x2go_sound.ts",
        permissions: [
          `${home.net},unix:${pulse.socket}`,
          "--allow-env=HOME",
          `${home.read},${pulse.socket},${cookie}`,
          `--allow-write=${pulse.socket}`,
        ],
        args: [home.url, name, pulse.socket],
        env: { HOME: home.path },
      });
      const config = /PULSE_CLIENTCONFIG: "(.*)"/.exec(
        await example.line(/PULSE_CLIENTCONFIG/),
      )?.[1];
      const server = await x2go.run(
        `PULSE_CLIENTCONFIG=${config} timeout 10 pactl info`,
      );
      assertMatch(server, /^Server Name: pulseaudio$/m);
      example.kill("SIGINT");
      assertEquals((await example.status).code, 0, await example.output());
    });

    await t.step("x2go_folder.ts", async () => {
      const folder = await home.mkdir("Documents");
      await using example = startExample({
        name: "x2go_folder.ts",
        permissions: [
          ...[home.net, "--allow-env=HOME", `${home.read},${folder}`],
          ...[`--allow-write=${folder}`, "--allow-sys=statfs"],
        ],
        args: [home.url, name, folder],
        env: { HOME: home.path },
      });
      const [, there] =
        /:(\/\S+)$/.exec(await example.line(/ is 127.0.0.1:/)) ?? [];
      await x2go.run(`cd ${there}; mkdir a; echo hi > a/b; mv a/b c; df .`);
      assertEquals(await Deno.readTextFile(join(folder, "c")), "hi\n");
      example.kill("SIGINT");
      assertEquals((await example.status).code, 0, await example.output());
      assertEquals(await session.listMounts(), []);
    });

    await t.step("x2go_print.ts", async () => {
      await using printer = await startPrinter(x2go);
      await home.mkdir("bin");
      const lp = await home.write(
        "bin/lp",
        '#!/bin/sh\nprintf "%s\\n" "$1" "$2" > "$HOME/printed"; cat "$3" >> "$HOME/printed"\n',
      );
      await Deno.chmod(lp, 0o755);
      await using example = startExample({
        name: "x2go_print.ts",
        permissions: [
          ...[home.net, "--allow-env=HOME", `${home.read},/tmp`],
          ...["--allow-write=/tmp", "--allow-run=lp"],
        ],
        args: [home.url, name],
        env: {
          HOME: home.path,
          PATH: `${home.path}/bin:${Deno.env.get("PATH")}`,
        },
      });
      await example.line(/prints here/);
      await printer.print("a page");
      await example.line(/printed a page/);
      assertMatch(
        await Deno.readTextFile(join(home.path, "printed")),
        /^-t\na page\n%PDF-/,
      );
      example.kill("SIGINT");
      assertEquals((await example.status).code, 0, await example.output());
      assertEquals(await session.listMounts(), []);
    });
  },
);

/** A home directory with a key and known_hosts, and the permissions that every example needs there. */
async function createHome(x2go: X2GoServer) {
  const desk = await Desk.create();
  await desk.mkdir(".ssh");
  await Deno.copyFile(x2go.keyFile, join(desk.path, ".ssh/id_ed25519"));
  await desk.write(".ssh/known_hosts", x2go.knownHosts);
  return Object.assign(desk, {
    url: `ssh://${x2go.user}@${x2go.hostname}:${x2go.port}`,
    net: `--allow-net=${x2go.hostname}:${x2go.port}`,
    read: `--allow-read=${desk.path}/.ssh,/etc/ssh/ssh_known_hosts`,
  });
}
