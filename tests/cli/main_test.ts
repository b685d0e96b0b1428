/** The command without a terminal: what it prints where, and how it ends. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { listeningAt } from "../servers/listening.ts";
import { startSshd } from "../servers/openssh.ts";
import { run } from "../servers/run.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { encryptKey } from "../servers/encrypt_key.ts";
import config from "../../deno.json" with { type: "json" };
import {
  CommandProcess,
  runCommand,
  withPermissions,
} from "./command_process.ts";
import { eventually } from "./eventually.ts";

const answers: [option: string, printed: RegExp][] = [
  ["--help", /^Usage: rforward /],
  ["-V", new RegExp(`^rforward ${RegExp.escape(config.version)}, Deno .*\n$`)],
  ["--completions=bash", /complete .*rforward/],
];

for (const [option, printed] of answers) {
  Deno.test(`rforward ${option} prints on stdout, and needs no permission`, async () => {
    const { code, stdout, stderr } = await runCommand({
      args: [option],
      command: withPermissions(),
    });
    assertMatch(stdout, printed);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  });
}

Deno.test("rforward --metrics and --status end with 255 where the address is in use, which is no usage error", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const option of ["--metrics", "--status"]) {
    const { code, stderr } = await runCommand({
      args: [option, `${taken.addr.port}`, "-R", "80:localhost:80", "server"],
    });
    assertMatch(stderr, /^rforward: --\w+: cannot listen on [^\n]*in use.*\n$/);
    assertEquals(code, 255);
  }
});

Deno.test("rforward --metrics and --status end with 255 where the address cannot be had, and name the permission if it is that", async () => {
  const cases: [string, string[], RegExp][] = [
    [
      "127.0.0.1:1",
      withPermissions("--allow-env", "--allow-sys", "--allow-read"),
      /^rforward: --\w+: may not listen on 127\.0\.0\.1:1; run deno with --allow-net=127\.0\.0\.1:1\n$/,
    ],
    [
      "192.0.2.1:9",
      withPermissions("--allow-all"),
      /^rforward: --\w+: cannot listen on 192\.0\.2\.1:9: .*\n$/,
    ],
  ];
  for (const [address, command, message] of cases) {
    for (const option of ["--metrics", "--status"]) {
      const { code, stderr } = await runCommand({
        command,
        args: [option, address, "-R", "80:localhost:80", "server"],
      });
      assertMatch(stderr, message);
      assertEquals(code, 255);
    }
  }
});

serverTest(
  "bash",
  "rforward ends silently when its output is closed",
  async () => {
    const command = withPermissions("--allow-all").join(" ");
    for (const args of ["--help", "-G server"]) {
      const { code, stderr } = await new Deno.Command("bash", {
        args: [
          "-c",
          `${command} -F none ${args} | exec true; exit \${PIPESTATUS[0]}`,
        ],
        stdin: "null",
      }).output();
      assertEquals(new TextDecoder().decode(stderr), "");
      assertEquals(code, 0);
    }
  },
);

serverTest(
  "bash",
  "rforward says that its output cannot be written, as on a full disk",
  async () => {
    const command = withPermissions("--allow-all").join(" ");
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["-c", `${command} --help >/dev/full`],
      stdin: "null",
    }).output();
    assertEquals(
      new TextDecoder().decode(stderr),
      "rforward: cannot write to standard output: No space left on device (os error 28)\n",
    );
    assertEquals(code, 255);
  },
);

/** Runs a program as a user that the system does not know, as containers may. */
const AS_STRANGER = ["unshare", "--user", "--map-user=54321"];

Deno.test({
  name: "rforward requires a user where the system knows none",
  // Not every machine lets one be a stranger.
  ignore: !await run("env", [...AS_STRANGER, "true"]).then(
    () => true,
    () => false,
  ),
  async fn() {
    const { code, stderr } = await runCommand({
      args: ["-F", "none", "-R", "80:a:80", "server"],
      command: [...AS_STRANGER, ...withPermissions("--allow-all")],
    });
    assertMatch(stderr, /^rforward: .* no user 54321; .*user@host.*\n$/);
    assertEquals(code, 255);
  },
});

const mistakes: [args: string[], said: string][] = [
  [
    ["-R", "80:a", "server"],
    '-R: expected ":" and the port of the target\n  80:a\n      ^\n',
  ],
  [
    ["-R", "80:[a:b:80", "server"],
    '-R: expected a "]"\n  80:[a:b:80\n            ^\n',
  ],
  [["--frob", "server"], "--frob: unknown option\n"],
  [["-R", "80:a:80"], "destination: name the server: [user@]host\n"],
  [["server"], "-R: nothing is to be forwarded; "],
  [["-o", "Port=none", "-R", "80:a:80", "server"], "-o Port: "],
  [
    ["-o", "Nonsense=1", "-R", "80:a:80", "server"],
    "-o Nonsense: is not an option of ssh; ",
  ],
  [["80:a:80", "server"], "destination: 80:a:80 is a forward; did you mean -R"],
  [["-R", "80:${A=B}:80", "server"], "-R: expected the environment variable"],
  [["-o", "IdentityAgent=${A=B}", "server"], "-o IdentityAgent: needs the "],
];

for (const [args, said] of mistakes) {
  Deno.test(`rforward ${args.join(" ")} is a usage error`, async () => {
    const { code, stdout, stderr } = await runCommand({
      args: ["-F", "none", ...args],
    });
    assert(stderr.startsWith(`rforward: ${said}`), stderr);
    assertMatch(stderr, /\nSee rforward --help\.\n$/);
    assertEquals({ code, stdout }, { code: 2, stdout: "" });
  });
}

Deno.test("rforward names the place of a mistake in the configuration", async () => {
  const file = await Deno.makeTempFile();
  try {
    for (
      const [text, why] of [
        ["Host server\n  Port many\n", `${file}:2: Port`],
        ["RemoteForward 80 nowhere\n", `${file}:1: `],
        ["ProxyJump hop\nMatch host hop\n  Port many\n", `${file}:3: Port`],
      ] as const
    ) {
      await Deno.writeTextFile(file, text);
      const { code, stdout, stderr } = await runCommand({
        args: ["-F", file, "-R", "80:a:80", "server"],
      });
      assert(stderr.startsWith(`rforward: ${why}`), stderr);
      assertEquals({ code, stdout }, { code: 255, stdout: "" });
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("rforward says which of its files it cannot use", async () => {
  for (const [option, why] of [["-F", "read"], ["-E", "write"]] as const) {
    const { code, stderr } = await runCommand({
      args: [
        "-F",
        "none",
        option,
        "/nonexistent/file",
        "-R",
        "80:a:80",
        "server",
      ],
    });
    assertMatch(
      stderr,
      new RegExp(`^rforward: ${option}: cannot ${why} .*/nonexistent/file`),
    );
    assertEquals(code, 255);
  }
});

serverTest(
  "sshd",
  "rforward asks nothing where there is no terminal, and says what it would need",
  async () => {
    await using sshd = await startSshd();
    const before = (...options: string[]) =>
      runCommand({
        args: [
          ...options.flatMap((option) => ["-o", option]),
          ...["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)],
        ],
      });

    const unknown = await before(
      "BatchMode=no",
      "StrictHostKeyChecking=ask",
      `UserKnownHostsFile=${join(sshd.dir, "new")}`,
    );
    assertMatch(
      unknown.stderr,
      /^The host key of \[127\.0\.0\.1\]:\d+ is not known: /,
    );
    assertMatch(unknown.stderr, /StrictHostKeyChecking=accept-new/);
    assertEquals([unknown.code, unknown.stdout], [255, ""]);

    const nothing = await before(
      "BatchMode=no",
      "PubkeyAuthentication=no",
    );
    assertMatch(
      nothing.stderr,
      /^the server refused the login of .*it accepts: publickey; provide a key, .*\n$/,
    );
    assertEquals([nothing.code, nothing.stdout], [255, ""]);

    const { stderr: halved } = await runCommand({
      args: [
        ...["-F", "none", "-p", `${sshd.port}`, "-i", `${sshd.keyFile}.pub`],
        ...["-o", "IdentityAgent=none", "-o", "BatchMode=yes"],
        ...["-o", `UserKnownHostsFile=${sshd.knownHostsFile}`],
        ...["-R", "127.0.0.1:0:127.0.0.1:9", `${sshd.user}@${sshd.hostname}`],
      ],
    });
    assertMatch(halved, /is a public key; give the private one/);

    await encryptKey(sshd.keyFile, "secret");
    const locked = await before("BatchMode=no");
    assertMatch(
      locked.stderr,
      /^the key \S+ needs a passphrase, and there is no terminal to ask for it/,
    );
    assertMatch(
      locked.stderr,
      /tried: publickey \S+, which was left locked; it accepts: publickey\n$/,
    );
    assertEquals([locked.code, locked.stdout], [255, ""]);
  },
);

serverTest(
  "sshd",
  "rforward prints plain lines, and each connection with -v",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const to = [
      "-R",
      `127.0.0.1:0:127.0.0.1:${echo.port}`,
      ...sshArguments(sshd),
    ];
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const verbose = signal === "SIGINT";
      await using rforward = new CommandProcess({
        args: [...verbose ? ["-v"] : [], ...to],
      });
      const [, port] = await rforward.see(
        /^Allocated port (\d+) for remote forward to 127\.0\.0\.1:\d+$/m,
      );
      await rforward.see(/ verified in /);
      assertEquals(await ask(Number(port), "hi"), "echo: hi");
      if (verbose) {
        await rforward.see(
          /^connection from 127\.0\.0\.1 port \d+ .* closed after /m,
        );
      }
      rforward.signal(signal);
      const { code, stdout, stderr } = await rforward.ended();
      assertEquals({ code, stdout }, { code: 0, stdout: "" });
      assertEquals(stderr.includes("opened"), verbose);
      // Without -v the connection may still have been live.
      assertMatch(stderr, /^stopped(; .* cut)?$/m);
      assertEquals(listeningAt(Number(port)), []);
    }
  },
);

serverTest("sshd", "rforward -q prints only why it ends", async () => {
  await using sshd = await startSshd();
  const socket = join(sshd.dir, "socket");
  const args = ["-q", "-R", `${socket}:127.0.0.1:9`, ...sshArguments(sshd)];
  {
    await using rforward = new CommandProcess({ args: ["--once", ...args] });
    await eventually("it is bound", () => existsSync(socket));
    rforward.signal("SIGTERM");
    assertEquals(await rforward.ended(), { code: 0, stdout: "", stderr: "" });
  }
  const { code, stderr } = await runCommand({
    args: ["-l", "nobody-at-all", ...args],
  });
  assertMatch(stderr, /^the server refused the login of nobody-at-all.*\n$/);
  assertEquals(code, 255);
});

Deno.test("rforward warns once of a known_hosts file with 80,000 bad lines, and connects", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(
      file,
      "not a line of known_hosts\n".repeat(80_000),
    );
    const { code, stderr } = await runCommand({
      args: [
        ...["-F", "none", "-o", "BatchMode=yes", "--once"],
        ...["-o", `UserKnownHostsFile=${file}`],
        ...["-R", "80:a:80", "-p", "1", "a@127.0.0.1"],
      ],
    });
    const lines = stderr.trimEnd().split("\n");
    assertMatch(lines[0]!, /:1: skipped, .*\(79999 more like it\)$/);
    assertMatch(lines[1]!, /^127\.0\.0\.1:1 refused/);
    assertEquals([code, lines.length], [255, 2]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("rforward writes times where its standard error is a file", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const log = join(dir, "log");
    const args = [...["-F", "none", "-o", "BatchMode=yes", "--once"], ...[
      ...["-R", "80:a:80", "-p", "1", "a@127.0.0.1"],
    ]];
    await run("sh", [
      ...["-c", '"$@" 2>>"$0" || true', log],
      ...withPermissions("--allow-all"),
      ...args,
    ]);
    assertMatch(
      await Deno.readTextFile(log),
      /^\d{4}-\d\d-\d\dT[\d:]{8}Z 127\.0\.0\.1:1 refused/,
    );
    // What reads a pipe looks for lines as ssh prints them.
    assertMatch((await runCommand({ args })).stderr, /^127\.0\.0\.1:1 refused/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

serverTest(
  "sshd",
  "rforward -E appends to a file and prints nothing",
  async () => {
    await using sshd = await startSshd();
    const log = join(sshd.dir, "rforward.log");
    await Deno.writeTextFile(log, "before\n");
    for (const json of [false, true]) {
      const before = await Deno.readTextFile(log);
      await using rforward = new CommandProcess({
        args: [
          ...json ? ["--json"] : [],
          ...[
            "-E",
            log,
            "-R",
            "127.0.0.1:0:127.0.0.1:9",
            ...sshArguments(sshd),
          ],
        ],
      });
      const told = () => Deno.readTextFileSync(log).slice(before.length);
      await eventually("it is verified", () => told().includes("verified"));
      rforward.signal("SIGTERM");
      assertEquals(await rforward.ended(), { code: 0, stdout: "", stderr: "" });
      const lines = told().trimEnd().split("\n");
      if (json) {
        assertEquals(JSON.parse(lines.at(-1)!).state, "stopped");
        for (const line of lines) assert(JSON.parse(line).type);
      } else {
        for (const line of lines) {
          assertMatch(
            line,
            /^\d{4}-\d\d-\d\dT[\d:]{8}Z ./,
          );
        }
      }
    }
    assertMatch(await Deno.readTextFile(log), /^before\n/);
  },
);

Deno.test("rforward -E creates a file that other users cannot read, as ssh does", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const log = join(dir, "log");
    await runCommand({
      args: [
        ...["-F", "none", "-o", "BatchMode=yes", "--once", "-E", log],
        ...["-R", "80:a:80", "-p", "1", "a@127.0.0.1"],
      ],
    });
    assertEquals((await Deno.stat(log)).mode! & 0o777, 0o600);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

serverTest(
  "sshd",
  "rforward --json prints one object a line, and errors are among them",
  async () => {
    await using sshd = await startSshd();
    const args = [
      "--json",
      "-R",
      "127.0.0.1:0:127.0.0.1:9",
      ...sshArguments(sshd),
    ];
    const { code, stdout, stderr } = await runCommand({
      args: ["-l", "nobody-at-all", ...args],
    });
    const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.map(({ type }) => type), [
      "connecting",
      "stopped",
      "state",
    ]);
    assertEquals(events[1].error.code, "authentication-failed");
    assertEquals({ code, stderr }, { code: 255, stderr: "" });
  },
);
