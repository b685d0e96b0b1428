import { RForwardError } from "../../../src/errors.ts";
import { X2GoError } from "../../../src/x2go/errors.ts";
import {
  listScript,
  parseResumed,
  parseSessions,
  parseStarted,
  parseState,
  programScript,
  resumeScript,
  startScript,
  stateScript,
  throwIfFailed,
} from "../../../src/x2go/server/protocol.ts";
import { quote } from "../../../src/quote.ts";
import type { ReadySession } from "../../../src/x2go/server/session_info.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../assert.ts";
import { randomNumbers } from "../../random_numbers.ts";

const NAME = "alice-50-1795334898_stRxterm_dp24";
const COOKIE = "60d1423facd1fe346aada103a5762917";
const LINE =
  `32259|${NAME}|50|vm|R|2026-11-22T08:08:19|${COOKIE}|127.0.0.1|33799|33800|2026-11-22T08:08:22|alice|3|33801|-1|-1`;
const SESSION: ReadySession = {
  name: NAME,
  state: "running",
  display: 50,
  user: "alice",
  host: "vm",
  clientAddress: "127.0.0.1",
  cookie: COOKIE,
  agentPid: 32259,
  graphicsPort: 33799,
  soundPort: 33800,
  foldersPort: 33801,
  created: "2026-11-22T08:08:19",
  lastChanged: "2026-11-22T08:08:22",
  ageSeconds: 3,
};
const STARTED = `50\n${COOKIE}\n32259\n${NAME}\n33799\n33800\n33801\n`;

Deno.test("parseSessions() reads a line of x2golistsessions", () => {
  assertEquals(parseSessions(`${LINE}\n`), [SESSION]);
  assertEquals(parseSessions("\n"), []);
});

Deno.test("parseSessions() believes the agent rather than the list", () => {
  const states = [
    ["STARTING", "starting"],
    ["RUNNING", "running"],
    ["SUSPENDING", "suspending"],
    ["SUSPENDED", "suspended"],
    ["RESUMING", "resuming"],
    ["TERMINATED", "finished"],
    ["UNHEARD_OF", "running"],
  ] as const;
  for (const [said, state] of states) {
    const output = `${LINE}\nstate:${NAME}:${said}\nstate:${NAME}x:RUNNING`;
    assertEquals(parseSessions(output), [{ ...SESSION, state }]);
  }
});

Deno.test("parseSessions() knows sessions that are suspended or finished", () => {
  const state = (letter: string) =>
    parseSessions(
      `${LINE.replace("|R|", `|${letter}|`)}\nstate:${NAME}:RUNNING`,
    )[0]?.state;

  assertEquals(state("S"), "running");
  assertEquals(state("F"), "finished");
  assertEquals(
    parseSessions(LINE.replace("|R|", "|S|"))[0]?.state,
    "suspended",
  );
});

Deno.test("parseSessions() takes a session that is being set up", () => {
  const [session] = parseSessions(
    `|alice-55-1795325581_stRxterm_dp24|55|vm|R|2026-11-22T06:01:42|||||2026-11-22T06:01:42|alice|1|||`,
  );

  assertEquals(session?.state, "starting");
  assertEquals(session?.agentPid, undefined);
  assertEquals(session?.soundPort, undefined);
});

Deno.test("parseSessions() passes over what is no session", () => {
  assertEquals(
    parseSessions(`perl: warning: Setting locale failed.\n${LINE}\nthe end`),
    [SESSION],
  );
});

Deno.test("parseSessions() refuses a session that cannot be one", () => {
  const fields = LINE.split("|");
  const bad: [number, string][] = [
    [0, "x"],
    [0, "-1"],
    [1, ""],
    [1, "../../etc"],
    [1, "a b"],
    [1, "-rf"],
    [1, "$(id)"],
    [2, "x"],
    [2, "123456"],
    [4, "X"],
    [4, ""],
    [6, "not;hex"],
    [8, "0"],
    [8, "65536"],
    [9, "33800 "],
    [13, "33800;id"],
  ];
  for (const [at, value] of bad) {
    const line = fields.with(at, value).join("|");
    const error = assertThrows(() => parseSessions(line), X2GoError);
    assertEquals(error.code, "x2go-output", line);
  }
  assertThrows(() => parseSessions("a|b"), X2GoError);
});

Deno.test("parseSessions() keeps control characters from getting through", () => {
  const [session] = parseSessions(LINE.replace("|vm|", "|\x1b[31mvm\x07|"));

  assertEquals(session?.host, "vm");
});

Deno.test("parseStarted() finds the session among what else is printed", () => {
  assertEquals(parseStarted(STARTED), NAME);
  assertEquals(parseStarted(`${STARTED}45000\n45001\n`), NAME); // telekinesis
  assertEquals(parseStarted(`an extension\n12\n${STARTED}bye`), NAME);
});

Deno.test("parseStarted() refuses an answer that is not all there", () => {
  const lines = STARTED.trim().split("\n");
  for (let at = 0; at < lines.length; at++) {
    const error = assertThrows(
      () => parseStarted(lines.toSpliced(at, 1).join("\n")),
      X2GoError,
    );
    assertEquals(error.code, "x2go-output");
  }
  assertThrows(() => parseStarted("ACCESS DENIED\n"), X2GoError);
  assertThrows(() => parseStarted(""), X2GoError);
});

Deno.test("parseResumed() reads the ports", () => {
  const stdout = "gr_port=33799\nsound_port=31383\nfs_port=33801\n";

  assertEquals(parseResumed(stdout), {
    graphicsPort: 33799,
    soundPort: 31383,
    foldersPort: 33801,
  });
  for (const bad of ["0", "65536", "", "1x"]) {
    const error = assertThrows(
      () => parseResumed(stdout.replace("31383", bad)),
      X2GoError,
    );
    assertEquals(error.code, "x2go-output");
  }
});

Deno.test("throwIfFailed() distinguishes failures from harmless errors", () => {
  const script = { name: "x2goresume-session", text: "", session: NAME };

  throwIfFailed(
    script,
    "noise\nDied at /usr/lib/x2go/x2gormport line 34.\nDied at /usr/lib/x2go/x2gormport line 34.\n",
  );
  const error = assertThrows(
    () =>
      throwIfFailed(
        script,
        `Died at /usr/lib/x2go/x2gormport line 34.\nERROR: failed to resume session with ID ${NAME}\n`,
      ),
    X2GoError,
  );

  assertEquals([error.code, error.session], ["x2go-refused", NAME]);
  assertMatch(error.message, /failed to resume/);
});

Deno.test("parseState() knows what agents say", () => {
  assertEquals(parseState(`state:${NAME}:RUNNING\n`, NAME), "running");
  for (
    const output of ["", `state:${NAME}:`, `state:${NAME}:running`, "RUNNING"]
  ) {
    assertEquals(parseState(output, NAME), undefined);
  }
});

Deno.test("no output whatever makes a parser throw anything but an X2GoError", () => {
  const recorded = [
    `${LINE}\nstate:${NAME}:RUNNING\n`,
    STARTED,
    "gr_port=33799\nsound_port=31383\nfs_port=33801\n",
  ];
  const random = randomNumbers(42);
  const alphabet = "|\n\r\t :=/-_.@0123456789RSF\0\x1bé✓" + NAME;
  for (let round = 0; round < 3000; round++) {
    const text = [...recorded[random(recorded.length)]!];
    for (let changes = random(8); changes >= 0; changes--) {
      const insert = [...alphabet][random([...alphabet].length)]!;
      text.splice(random(text.length), random(12), ...insert.repeat(random(3)));
    }
    for (const parse of [parseSessions, parseStarted, parseResumed]) {
      try {
        const parsed = parse(text.join(""));
        const names = Array.isArray(parsed)
          ? parsed.map(({ name }) => name)
          : typeof parsed === "string"
          ? [parsed]
          : [];
        for (const name of names) assertMatch(name, /^[\w.][\w.@-]*$/);
      } catch (error) {
        assert(error instanceof RForwardError, Deno.inspect(error));
      }
    }
  }
});

Deno.test("startScript() says what python-x2go says", () => {
  assertMatch(
    startScript({ command: "xterm" }, 60_000).text.replaceAll("'", ""),
    /X2GO_XINERAMA=false timeout -k 5 60 x2gostartagent 800x600 lan 16m-jpeg-9 unix-kde-depth_24 null null\/null 0 R xterm both; }/,
  );
});

Deno.test("startScript() starts again if the agent ended at once, and only then", async () => {
  const { text } = startScript({ command: "xterm" }, 60_000);
  const run = async (statuses: string) => {
    // A command that ends with the first status, then the second.
    const fake =
      `f() { set -- ${statuses}; [ -e "$tmp/ran" ] && shift; touch "$tmp/ran"; echo "ended $1"; return $1; }`;
    const script = text.replace("timeout -k 5 60 'x2gostartagent'", "f");
    const { code, stdout } = await new Deno.Command("sh", {
      args: ["-c", `tmp=$(mktemp -d); ${fake}; ${script}`],
    }).output();
    return [code, new TextDecoder().decode(stdout)];
  };
  assertEquals(await run("0 1"), [0, "ended 0\n"]);
  assertEquals(await run("12 0"), [0, "ended 12\nended 0\n"]);
  assertEquals((await run("12 12"))[0], 12);
  // Also: not installed there, and too late.
  for (const status of [9, 127, 124]) {
    assertEquals(await run(`${status} 0`), [status, `ended ${status}\n`]);
  }
});

Deno.test("startScript() names the session after the program alone", () => {
  const program = (command: string) =>
    startScript({ command, kind: "desktop" }, 1).text.match(/'D' '(.*)' 'both'/)
      ?.[1];

  assertEquals(program("/usr/bin/xterm -e 'rm -rf'"), "xterm");
  assertEquals(program("MATE"), "MATE");
  assertEquals(program("a@b;c"), "abc");
  assertEquals(program("  "), "program");
});

Deno.test("resumeScript() says what python-x2go says", () => {
  assertEquals(
    resumeScript(NAME, { geometry: "fullscreen" }, 1500).text
      .replaceAll("'", ""),
    `timeout -k 5 2 x2goresume-session ${NAME} fullscreen lan 16m-jpeg-9 null null/null 0 both False`,
  );
});

Deno.test("programScript() passes the program and its environment on as they are", async () => {
  const { text } = programScript(SESSION, "xterm -e it's", {
    PULSE_CLIENTCONFIG: "/home/it's me/conf",
  });
  const echo = text.replace(
    "'setsid'",
    'sh -c \'printf "%s|" "$@" "$PULSE_CLIENTCONFIG"\' sh',
  )
    .replace("</dev/null >/dev/null 2>&1 &", "");

  const { stdout } = await new Deno.Command("sh", { args: ["-c", echo] })
    .output();

  assertEquals(
    new TextDecoder().decode(stdout),
    `x2goruncommand|50|32259|${NAME}|33800|xterm -e it's|none|R|/home/it's me/conf|`,
  );
});

Deno.test("listScript() and stateScript() ask agents, and notice those that are gone", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.x2go/C-${NAME}`, { recursive: true });
    await Deno.writeTextFile(`${home}/.x2go/C-${NAME}/state`, "SUSPENDED");
    const gone = LINE.replace("32259", "4194305").replace(NAME, "gone");
    const new_ = LINE.replace("32259", "").replace(NAME, "new");
    const here = LINE.replace("32259", `${Deno.pid}`);
    const sh = async (script: string) => {
      const { code, stdout } = await new Deno.Command("sh", {
        args: ["-c", script],
        env: { HOME: home },
      }).output();
      return [code, new TextDecoder().decode(stdout)] as const;
    };

    const [code, output] = await sh(
      listScript(1000).text.replace(
        "timeout -k 5 1 x2golistsessions",
        `printf "%s\n" ${[here, gone, new_].map(quote).join(" ")}`,
      ),
    );
    assertEquals(code, 0);
    assertEquals(
      parseSessions(output).map(({ state }) => state),
      ["suspended", "finished", "running"],
    );

    const session = { ...SESSION, agentPid: Deno.pid };
    const [, asked] = await sh(stateScript(session).text);
    assertEquals(parseState(asked, NAME), "suspended");
    const [, dead] = await sh(
      stateScript({ ...SESSION, agentPid: 4194305 }).text,
    );
    assertEquals(parseState(dead, NAME), "finished");
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("listScript() fails as x2golistsessions does", async () => {
  const { code, stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      listScript(1000).text.replace("x2golistsessions", "sh -c 'exit 7'"),
    ],
  }).output();

  assertEquals([code, stdout.length], [7, 0]);
});
