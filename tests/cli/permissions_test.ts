/** The command with exactly the permissions that docs/permissions.md names, and installed with them. */
import { dirname, join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { type Sshd, startSshd } from "../servers/openssh.ts";
import { startSshAgent } from "../servers/ssh_agent.ts";
import {
  CommandProcess,
  main,
  runCommand,
  withPermissions,
} from "./command_process.ts";
import { eventually } from "./eventually.ts";

/** A person's home directory with what ssh has there, for a destination `server`. */
async function furnish(
  sshd: Sshd,
): Promise<{ home: string; env: Record<string, string> }> {
  const home = join(sshd.dir, "home");
  await Deno.mkdir(join(home, ".ssh"), { recursive: true, mode: 0o700 });
  await Deno.copyFile(sshd.keyFile, join(home, ".ssh", "id_ed25519"));
  await Deno.writeTextFile(
    join(home, ".ssh", "config"),
    [
      "Host server",
      `HostName ${sshd.hostname}`,
      `Port ${sshd.port}`,
      "StrictHostKeyChecking accept-new",
      "",
    ].join("\n"),
    { mode: 0o600 },
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  return { home, env: { HOME: home, DENO_DIR: denoDir } };
}

/** The flags with which docs/permissions.md has the command installed. */
const documented = await (async () => {
  const page = new URL("../../docs/permissions.md", import.meta.url);
  const text = await Deno.readTextFile(page);
  const [, command = ""] = /^deno install ((?:.*\\\n)*.*)$/m.exec(text) ?? [];
  return [...command.matchAll(/--\S+/g)].map(([flag]) => flag);
})();

Deno.test("docs/permissions.md has the command never ask", () => {
  assert(documented.includes("--no-prompt"));
  assertEquals(documented.filter((flag) => /^--allow/.test(flag)).length, 5);
});

/** What the usual case needs. */
function usual(home: string, ...net: string[]): string[] {
  return documented.filter((flag) => flag.startsWith("--allow-")).map((flag) =>
    flag.startsWith("--allow-net=")
      ? `--allow-net=${net.join(",")}`
      : flag.replaceAll("$HOME", home)
  );
}

const unix = (path: string) => [
  `--allow-read=${path}`,
  `--allow-write=${path}`,
  `--allow-net=unix:${path}`,
];

/** Starts the command, sees that it forwards, and ends it. */
async function assertForwards(
  options: { command: string[]; env: Record<string, string> },
  args: string[],
): Promise<void> {
  await using rforward = new CommandProcess({ ...options, args });
  const [, port] = await rforward.see(/^Allocated port (\d+) /m);
  await rforward.see(/ verified in /);
  assertEquals(await ask(Number(port), "hi"), "echo: hi");
  rforward.signal("SIGTERM");
  const { code, stderr } = await rforward.ended();
  assertEquals({ code, lacks: /.*run deno with.*/.exec(stderr) }, {
    code: 0,
    lacks: null,
  });
}

serverTest(
  ["sshd", "bash"],
  "rforward needs no more permissions than it names",
  async (t) => {
    await using sshd = await startSshd();
    const { home, env } = await furnish(sshd);
    await using echo = startEcho("echo");
    const server = `127.0.0.1:${sshd.port}`;
    const target = `127.0.0.1:${echo.port}`;
    const to = ["-R", `127.0.0.1:0:${target}`, "server"];

    await t.step("in the usual case", async () => {
      const command = withPermissions(...usual(home, server, target));
      await assertForwards({ command, env }, to);
      // The host is known by now.
      await assertForwards({ command, env }, to);
    });

    await t.step("and asks for each by its flag", async () => {
      const all = usual(home, server, target);
      const asked = all.filter((flag) => /^--allow-(env|sys|read)/.test(flag));
      assertEquals(asked.length, 3);
      for (const permission of asked) {
        const { code, stderr } = await runCommand({
          command: withPermissions(...all.filter((it) => it !== permission)),
          args: to,
          env,
        });
        assertEquals(code, 255);
        assertMatch(
          stderr,
          new RegExp(`run deno with ${permission.split("=")[0]}=\\S+\n$`),
        );
      }
      const { code, stderr } = await runCommand({
        command: withPermissions(...usual(home, target)),
        args: to,
        env,
      });
      assertMatch(stderr, new RegExp(`run deno with --allow-net=${server}\n$`));
      assertEquals(code, 255);
    });

    await t.step("and looks for the target's at the start", async () => {
      const path = join(home, "no.sock");
      for (
        const [forward, flags] of [
          [`127.0.0.1:0:${target}`, `--allow-net=${target}`],
          [`127.0.0.1:0:${path}`, unix(path).toReversed().join(" ")],
        ] as const
      ) {
        const { code, stderr } = await runCommand({
          command: withPermissions(...usual(home, server)),
          args: ["-R", forward, "server"],
          env,
        });
        assertMatch(stderr, /^rforward: may not connect to the target /);
        const asked = /run deno with (.*)\n$/.exec(stderr)?.[1]?.split(" ");
        assertEquals(asked?.toSorted(), flags.split(" ").toSorted());
        assertEquals(code, 255);
      }
    });

    await t.step("for a target that is a Unix socket", async () => {
      const path = join(home, "echo.sock");
      await using _echo = startEcho(
        "echo",
        Deno.listen({ transport: "unix", path }),
      );
      const command = withPermissions(...usual(home, server), ...unix(path));
      await assertForwards({ command, env }, [
        "-R",
        `127.0.0.1:0:${path}`,
        "server",
      ]);
    });

    await t.step("for an agent", async () => {
      await using agent = await startSshAgent([sshd.keyFile]);
      const command = withPermissions(
        ...usual(home, server, target),
        ...unix(agent.socket),
      );
      await assertForwards(
        { command, env: { ...env, SSH_AUTH_SOCK: agent.socket } },
        ["-o", "IdentityFile=none", ...to],
      );
    });

    await t.step("for a ProxyCommand", async () => {
      const [read, ...others] = usual(home, target);
      const command = withPermissions(read!, ...others, "--allow-run=/bin/sh");
      const proxy =
        `bash -c 'exec 3<>/dev/tcp/$0/$1; cat <&3 & exec cat >&3' %h %p`;
      await assertForwards({ command, env }, [
        "-o",
        `ProxyCommand=${proxy}`,
        ...to,
      ]);

      const { code, stderr } = await runCommand({
        command: withPermissions(read!, ...others),
        args: ["--attempts", "2", "-o", `ProxyCommand=${proxy}`, ...to],
        env,
      });
      assertMatch(
        stderr,
        /^could not .*run deno with --allow-run=\/bin\/sh\n$/,
      );
      assertEquals(code, 255);
    });

    await t.step("for a log file, and an address family", async () => {
      const log = join(home, "rforward.log");
      const command = withPermissions(
        ...usual(home, "127.0.0.1"),
        `--allow-write=${log}`,
      );
      await using rforward = new CommandProcess({
        command,
        env,
        args: ["-4", "-E", log, "--once", ...to],
      });
      await eventually("it is verified", () => hasText(log, "verified"));
      rforward.signal("SIGTERM");
      assertEquals(await rforward.ended(), { code: 0, stdout: "", stderr: "" });
    });
  },
);

function hasText(file: string, text: string): boolean {
  try {
    return Deno.readTextFileSync(file).includes(text);
  } catch {
    return false;
  }
}

serverTest("sshd", "rforward can be installed", async () => {
  await using sshd = await startSshd();
  const { home, env } = await furnish(sshd);
  await using echo = startEcho("echo");
  const target = `127.0.0.1:${echo.port}`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "install",
        "--global",
        "--quiet",
        "--no-prompt",
        "--name",
        "rforward",
      ],
      ...[
        "--root",
        home,
        "--config",
        new URL("../../deno.json", import.meta.url).pathname,
      ],
      ...usual(home, `127.0.0.1:${sshd.port}`, target),
      main,
    ],
    env,
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const command = [join(home, "bin", "rforward")];
  // What is installed looks for deno.
  const PATH = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  const options = { command, env: { ...env, PATH } };
  await assertForwards(options, ["-R", `127.0.0.1:0:${target}`, "server"]);
  const usage = await runCommand({
    ...options,
    args: ["-R", "80:a", "server"],
  });
  assertMatch(usage.stderr, /\n {6}\^\n/);
  assertEquals(usage.code, 2);
});

Deno.test("deno task rforward runs the command", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "rforward", "--version"],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assertMatch(new TextDecoder().decode(stdout), /^rforward \d/);
  assertEquals(code, 0);
});
