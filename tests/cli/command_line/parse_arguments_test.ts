import type { Arguments } from "../../../src/cli/command_line/arguments.ts";
import { parseArguments } from "../../../src/cli/command_line/parse_arguments.ts";
import { ArgumentError } from "../../../src/errors.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { hasServices } from "../../servers/services.ts";
import { askSsh } from "./ssh_oracle.ts";

/** The arguments of a command line, split at spaces. */
function read(line: string): Arguments {
  const command = parseArguments(line.split(" "));
  assert(command.name === "run" || command.name === "show-config");
  return command.arguments;
}

/** The arguments of a command line that runs something. */
function args(...argv: string[]): Arguments {
  const command = parseArguments(argv);
  assert(command.name === "run");
  return command.arguments;
}

/** The message for a mistake in a command line. */
function problem(...argv: string[]): string {
  return assertThrows(() => parseArguments(argv), ArgumentError).message;
}

Deno.test("parseArguments() has defaults", () => {
  assertEquals(parseArguments(["server"]), {
    name: "run",
    arguments: {
      host: "server",
      forwards: [],
      forwardOptions: {},
      settings: [],
      identities: [],
      fallbacks: [],
      verbosity: 0,
      verify: true,
      once: false,
      drainMs: 5000,
      output: "live",
      notes: [],
    },
  });
});

Deno.test("parseArguments() keeps the forwards in order, without duplicates", () => {
  const { forwards } = read("-R 2:b:2 server -R1:a:1 -NR 2:b:2 -TR3:c:3");
  assertEquals(forwards.map(({ text }) => text), ["2:b:2", "1:a:1", "3:c:3"]);
});

Deno.test("parseArguments() turns options into settings of ssh_config", () => {
  assertEquals(
    read(
      "-i ~/k1 -o ServerAliveInterval=9 -l alice -Ja,b:2 -p2222 bob@server -b ::1 -4 -6 -qvv -c x -c y -m z -o User=eve",
    ).settings,
    [
      "BindAddress=::1",
      "AddressFamily=inet6",
      "LogLevel=DEBUG2",
      "Ciphers=y",
      "MACs=z",
      "IdentityFile=~/k1",
      "ServerAliveInterval=9",
      "User=alice",
      "ProxyJump=a,b:2",
      "Port=2222",
      "User=bob",
      "User=eve",
    ],
  );
});

Deno.test("parseArguments() returns the keys that -i names", () => {
  const { identities, settings } = read("-i a -o IdentityFile=b -ic server");
  assertEquals(identities, ["a", "c"]);
  assertEquals(settings, [
    "IdentityFile=a",
    "IdentityFile=b",
    "IdentityFile=c",
  ]);
});

Deno.test("parseArguments() quotes values for ssh_config", () => {
  const { settings } = read("ssh://a%20b@server");
  assertEquals(settings, ['User="a b"']);
  const command = parseArguments(["-i", '/a "b"\\c#', "server"]);
  assert(command.name === "run");
  assertEquals(command.arguments.settings, [
    'IdentityFile="/a \\"b\\"\\\\c#"',
  ]);
});

Deno.test("parseArguments() reads its own options", () => {
  const { forwards: _, settings: __, notes: ___, ...own } = read(
    "--verify-every=1m30s --bind-wait 0 --max-wait 0.5 --attempts 3 --once --drain 2h --json -F none -E /log -v server",
  );
  assertEquals(own, {
    host: "server",
    forwardOptions: {},
    verbosity: 1,
    verify: { everyMs: 90_000 },
    bindWaitMs: 0,
    maxWaitMs: 500,
    attempts: 3,
    once: true,
    drainMs: 7_200_000,
    output: "json",
    configFile: "none",
    logFile: "/log",
    identities: [],
    fallbacks: [],
  });
});

Deno.test("parseArguments() reads other ways to the server and other servers, each with its own user and port", () => {
  const { settings, fallbacks, proxy, fallbackAfterMs, fallbackReturn } = read(
    "--proxy socks5://p:1 --fallback ssh://bob@b:2222 -p 22 -J hop --fallback c -o X=1 --fallback-after 5 --return at-once ssh://alice@a:99",
  );
  assertEquals(proxy, { protocol: "socks5", hostname: "p", port: 1 });
  assertEquals([fallbackAfterMs, fallbackReturn], [5000, "at-once"]);
  const shared = ["Port=22", "ProxyJump=hop", "X=1"];
  assertEquals(settings, [...shared, "User=alice", "Port=99"]);
  assertEquals(fallbacks, [
    { host: "b", settings: ["User=bob", "Port=2222", ...shared] },
    { host: "c", settings: shared },
  ]);
  const own = read(
    "-l carol -p 99 --fallback b --fallback ssh://bob@c:7 ssh://alice@a:22",
  );
  assertEquals(own.fallbacks.map(({ settings }) => settings), [
    ["User=carol", "Port=99"],
    ["User=bob", "Port=7", "User=carol", "Port=99"],
  ]);
  assertEquals(read("--proxy env a").proxy, "env");
  assertMatch(problem("--proxy", "ftp://u:secret@p", "a"), /^--proxy: ftp is /);
  assertMatch(problem("--fallback", "-x", "a"), /^--fallback: "-x"/);
});

Deno.test("parseArguments() takes options about connections for all forwards, or after a -R for that one", () => {
  const { forwards, forwardOptions } = read(
    "--allow 10.0.0.0/8 --allow=::1 --max-connections 9 -R 1:a:1 --deny 10.1.0.0/16 --max-bandwidth 2M -R 2:b:2 -R 3:c:3 server --max-rate 5 -R 3:c:3 --idle-timeout 1m",
  );
  assertEquals(forwardOptions, {
    admission: { allow: ["10.0.0.0/8", "::1"], maxConnections: 9 },
  });
  assertEquals(forwards.map(({ options }) => options), [
    { admission: { deny: ["10.1.0.0/16"], maxBandwidth: 2 * 1024 * 1024 } },
    undefined,
    { admission: { maxRate: 5, idleTimeoutMs: 60_000 } },
  ]);
  assertEquals(
    read("-R 1:a:1 --check-target 10 --release-when-down server").forwards[0]
      ?.options,
    { checkTarget: { everyMs: 10_000, releaseWhenDown: true } },
  );
  assertMatch(
    problem("--release-when-down", "server"),
    /^--release-when-down: give --check-target/,
  );
  for (
    const [flag, value] of [["--fallback-after", "0"], ["--return", "idle"]]
  ) {
    assertMatch(
      problem(flag!, value!, "server"),
      new RegExp(`^${flag}: name the other servers with --fallback`),
    );
  }
  assertMatch(problem("--allow", "localhost", "server"), /^--allow: .*CIDR/);
  for (const bytes of ["0", "1.5M", "10MB", "-1", ""]) {
    assertMatch(
      problem(`--max-bandwidth=${bytes}`, "server"),
      /^--max-bandwidth: .* is not a number of bytes/,
    );
  }
});

Deno.test("parseArguments() refuses options that contradict each other, in either order", () => {
  const json = /^--plain: cannot be used together with --json/;
  assertMatch(problem("--json", "--plain", "server"), json);
  assertMatch(problem("--plain", "server", "--json"), json);
  const verify = /^--verify-every: cannot be used together with --no-verify/;
  assertMatch(problem("--verify-every", "5", "--no-verify", "server"), verify);
  assertMatch(problem("--no-verify", "--verify-every=5", "server"), verify);
  assertEquals(
    read("--no-verify --verify --verify-every 5 server").verify,
    { everyMs: 5000 },
  );
});

Deno.test("parseArguments() recognizes a forward whose -R was forgotten, and no address as one", () => {
  for (const forward of ["80:h:80", "*:80:h:80", "80:/a", "/a:h:80"]) {
    const hint =
      `destination: ${forward} is a forward; did you mean -R ${forward}?`;
    assertEquals(problem(forward, "server"), hint);
    assertEquals(problem("server", forward), hint);
    assertEquals(problem("-R", "1:h:2", forward, "server"), hint);
  }
  for (const host of ["2001:db8::1", "::1", "1:2:3:4:5:6:7:8", "fe80::1%lo"]) {
    assertEquals(read(host).host, host);
  }
});

Deno.test("parseArguments() obeys the last of --verify and --no-verify", () => {
  assertEquals(read("--no-verify server").verify, false);
  assertEquals(read("--no-verify --verify server").verify, true);
});

Deno.test("parseArguments() counts up to three -v, and -q resets them", () => {
  assertEquals(read("-vvvvv server").verbosity, 3);
  assertEquals(read("-vvq server").verbosity, -1);
  assertEquals(read("-qv server").verbosity, 1);
});

Deno.test("parseArguments() returns at once for --help, --version and --completions", () => {
  assertEquals(parseArguments(["-Nh", "--nonsense"]), { name: "help" });
  assertEquals(parseArguments(["server", "--help"]), { name: "help" });
  assertEquals(parseArguments(["-V"]), { name: "version" });
  assertEquals(parseArguments(["--completions", "fish"]), {
    name: "completions",
    shell: "fish",
  });
  assertMatch(problem("--completions=csh"), /use bash, zsh or fish/);
});

Deno.test("parseArguments() shows the settings on -G", () => {
  assertEquals(parseArguments(["-G", "server"]).name, "show-config");
});

Deno.test("parseArguments() accepts options without effect on a forward, and notes what is not done", () => {
  const { notes } = read("-NTntaxkg2 -e none -AXYKy -S none -M 20000 server");
  assertEquals(
    notes.map((note) => note.split(":")[0]),
    ["-A", "-X", "-Y", "-K", "-y", "-S", "-M"],
  );
});

Deno.test("parseArguments() explains why other options of ssh are refused", () => {
  for (const flag of ["-L", "-D", "-W", "-w", "-O", "-Q", "-I", "-B", "-P"]) {
    assertMatch(problem(flag, "x", "server"), /use |for the port/);
  }
  assertMatch(problem("-f", "server"), /^-f: .* systemd/);
  assertMatch(problem("-s", "server"), /^-s: nothing is run/);
  assertMatch(problem("-1", "server"), /^-1: /);
  assertMatch(problem("-M", "-N", "server"), /^-M: connections are not shared/);
});

Deno.test("parseArguments() names an unknown option, and a similar one", () => {
  assertEquals(
    problem("--verfiy-every", "1", "server"),
    "--verfiy-every: unknown option; did you mean --verify-every?",
  );
  assertEquals(problem("-vr"), "-r: unknown option; did you mean -R?");
  assertEquals(problem("-z"), "-z: unknown option");
  assertEquals(problem("--zzz"), "--zzz: unknown option");
});

Deno.test("parseArguments() requires a value for options that have one, and for no others", () => {
  assertEquals(problem("server", "-p"), "-p: a value is missing: PORT");
  assertEquals(problem("--drain"), "--drain: a value is missing: TIME");
  assertEquals(problem("--json=1"), "--json: takes no value");
});

Deno.test("parseArguments() refuses values that are not valid", () => {
  assertMatch(problem("-p", "0"), /^-p: "0" is not a valid port/);
  assertMatch(problem("-p", "x"), /^-p: "x" is not a valid port/);
  assertMatch(problem("-l", "-x"), /^-l: "-x" is not a valid user/);
  assertMatch(
    problem("--attempts", "0"),
    /^--attempts: "0" is not a whole number/,
  );
  assertMatch(
    problem("-J", "a", "-J", "b"),
    /^-J: ProxyJump=a was given before/,
  );
  assertMatch(problem("-R", "80:h"), /^-R: expected/);
  for (const time of ["", "x", "-1", "1y", "1m 2", "30d"]) {
    assertMatch(problem("--drain", time), /^--drain: .* is not a valid time/);
  }
  assertMatch(
    problem("--max-wait", "0"),
    /^--max-wait: "0" is not a valid time/,
  );
});

Deno.test("parseArguments() requires a destination", () => {
  assertMatch(problem("-R", "80:h:80"), /^destination: name the server/);
});

Deno.test("parseArguments() treats what follows the destination as a command, as in ssh", () => {
  for (
    const [argv, command] of [
      [["server"], undefined],
      [["server", "-p", "2", "http"], "http"],
      [["-p2", "server", "tail", "-f", "/log", "-p", "3"], "tail -f /log -p 3"],
      [["server", "--", "-p"], "-p"],
      [["--", "server", "-p", "--"], "-p --"],
      [
        ["server", "type=tcp", "--session", "never"],
        "type=tcp --session never",
      ],
    ] as const
  ) {
    const parsed = args(...argv);
    assertEquals(parsed.remoteCommand, command, argv.join(" "));
    assertEquals(parsed.host, "server");
    assertEquals(parsed.session, undefined);
  }
});

Deno.test("parseArguments() knows when to open a session", () => {
  assertEquals(args("--session=always", "h").session, "always");
  assertEquals(args("--session", "never", "h").session, "never");
  assertMatch(
    problem("--session", "no", "h"),
    /^--session: use auto, always or never/,
  );
  assertEquals(args("-N", "h").settings, ["SessionType=none"]);
});

const key = "/etc/hosts"; // ssh wants any file that exists
const lines = [
  "h",
  "-p 1 h",
  "-p1 h",
  "-Np1 h",
  "h -p 1",
  "h -Np1 -l u",
  "-p 1 -p 2 h",
  "-p 1 -o Port=2 h",
  "-o Port=1 -p 2 h",
  "-oPort=1 h",
  ...hasServices ? ["-p ssh h"] : [],
  "-p 1 ssh://h:2",
  "ssh://h:2 -p 1",
  "ssh://u@h:2/ -l v",
  "-l u v@h",
  "v@h -l u",
  "-l u -o User=v h",
  "-l DOM\\u h",
  "ssh://a%20b@h",
  "a@b@h",
  "-4 h",
  "-4 -6 h",
  "-o AddressFamily=inet -6 h",
  "-6 -o AddressFamily=inet h",
  "-vvN h",
  "-vvvvv h",
  "-q h",
  "-qv h",
  "-vq h",
  "-o LogLevel=ERROR -v h",
  "-c aes128-ctr -c aes256-ctr -o Ciphers=aes192-ctr h",
  "-c aes256-ctr,aes128-ctr h",
  "-m hmac-sha2-256 h -m hmac-sha2-512",
  "-b 127.0.0.1 -o BindAddress=::1 h -b 127.0.0.2",
  "-o BindAddress=::1 h",
  "-J a h",
  "-J u@a:1,b h",
  "-o ProxyJump=a -o Port=3 h",
  `-i ${key} h`,
  `-i ${key} -i ${key} -o IdentityFile=/b h`,
  `-o IdentityFile=/b -i ${key} h`,
  "-NTn -axk -t -e none h",
  "-p 1 -- h",
  "-- h",
];

serverTest("ssh", "parseArguments() resolves command lines as ssh does", () => {
  for (const line of lines) {
    const { host, settings } = read(line);
    const ours = settings.flatMap((setting) => ["-o", setting]);
    const [mine, theirs] = [[...ours, "--", host], line.split(" ")].map(
      (argv) => pick(askSsh(argv)),
    );
    assertEquals(mine, theirs, line);
  }
  return Promise.resolve();
});

/** What the command line has a say in. */
function pick(settings: Map<string, string[]> | undefined) {
  assert(settings);
  return [
    "host",
    "hostname",
    "user",
    "port",
    "addressfamily",
    "loglevel",
    "ciphers",
    "macs",
    "bindaddress",
    "proxyjump",
    "identityfile",
  ].map((keyword) => settings.get(keyword));
}

const refused = [
  [],
  ["-p", "0", "h"],
  ["-p", "65536", "h"],
  ["-p", "x", "h"],
  ["-p", "", "h"],
  ["-p"],
  ["-z", "h"],
  ["-Nz", "h"],
  ["--no-such", "h"],
  ["-J", "a", "-J", "b", "h"],
  ["-o", "ProxyJump=a", "-J", "b", "h"],
  ["-o", "ProxyCommand a", "-J", "b", "h"],
  ["-R", "x:h:80", "h"],
  ["-Rx", "h"],
  ["-L", "x", "h"],
  ["-l", "-x", "h"],
  ["-1", "h"],
  ["--", "-h"],
  ["@h"],
];

serverTest("ssh", "parseArguments() refuses what ssh refuses", () => {
  for (const argv of refused) {
    assertEquals(askSsh(argv), undefined, argv.join(" "));
    problem(...argv);
  }
  return Promise.resolve();
});
