import { type RForwardError, TargetError } from "../../src/errors.ts";
import type { SshConnection } from "../../src/ssh/connection.ts";
import type { ReadySession } from "../../src/x2go/session_info.ts";
import { X2GoSession } from "../../src/x2go/session.ts";
import { SoundShare } from "../../src/x2go/sound.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { startPulseAudio } from "../servers/pulseaudio.ts";
import { START_SESSION, startX2GoServer } from "../servers/x2go.ts";
import { startDisplay } from "../servers/x2go_display.ts";
import { assertTone } from "./assert_tone.ts";
import { connectTo, exports, ready } from "./client.ts";

serverTest(
  ["x2gostartagent", "pulseaudio", "nxproxy"],
  "sound is heard here, and again after suspend and resume on another port",
  async () => {
    await using x2go = await startX2GoServer();
    await using pulse = await startPulseAudio();
    await using display = await startDisplay();
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.start(connection, {
      command: "xterm",
    });
    const { name, soundPort } = ready(session);
    const sound = await session.shareSound({
      target: { path: pulse.socket },
      cookieFile: pulse.cookieFile,
    });
    await using shown = display.show(ready(session));
    await x2go.untilState(name, "RUNNING");

    await assertTone(session, x2go, pulse);
    assertEquals(sound.problem, undefined);

    await session.suspend();
    await shown.status;
    assertEquals(sound.tunnel, undefined);
    // Somebody else takes the port, and the server has to choose another.
    using _taken = Deno.listen({ hostname: "127.0.0.1", port: soundPort });
    await session.resume();

    assert(ready(session).soundPort !== soundPort, `${soundPort} again`);
    assertEquals(sound.tunnel?.port, ready(session).soundPort);
    await assertTone(session, x2go, pulse);
  },
);

serverTest(
  ["x2gostartagent", "pulseaudio"],
  "sound is heard of a session that somebody else started, through PulseAudio's TCP port",
  async () => {
    await using x2go = await startX2GoServer();
    await using pulse = await startPulseAudio();
    const started = await x2go.run(
      START_SESSION,
    );
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.attach(
      connection,
      started.split("\n")[3]!,
    );
    await session.shareSound({
      target: { port: pulse.port },
      cookieFile: pulse.cookieFile,
    });

    await assertTone(session, x2go, pulse);
  },
);

serverTest(
  ["x2gostartagent", "pulseaudio"],
  "twelve programs that connect at once are all served",
  async () => {
    await using x2go = await startX2GoServer();
    await using pulse = await startPulseAudio();
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.start(connection, {
      command: "xterm",
    });
    await session.shareSound({
      target: { path: pulse.socket },
      cookieFile: pulse.cookieFile,
    });

    const served = await x2go.run(
      `${
        exports(session)
      } for i in $(seq 12); do timeout 5 pactl info | grep '^Server Name' & done; wait`,
    );

    assertEquals(served.match(/^Server Name: pulseaudio$/mg)?.length, 12);
    await assertTone(session, x2go, pulse);
  },
);

serverTest(
  ["x2gostartagent", "pulseaudio"],
  "session.shareSound() leaves nothing for others to read, and no old file as it was",
  async () => {
    await using x2go = await startX2GoServer();
    await using pulse = await startPulseAudio();
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.start(connection, {
      command: "xterm",
    });
    const directory = `${x2go.home}/.x2go/C-${session.info.name}`;
    // As python-x2go does.
    await x2go.run(
      `cd ${directory}; echo old | tee .pulse-cookie > .pulse-client.conf`,
    );

    await session.shareSound({
      target: { path: pulse.socket },
      cookieFile: pulse.cookieFile,
    });

    assertEquals(
      session.environment["PULSE_CLIENTCONFIG"],
      `${directory}/.pulse-client.conf`,
    );
    assertEquals(
      await x2go.run(`cd ${directory}; stat -c '%a %n' .pulse*`),
      "600 .pulse-client.conf\n600 .pulse-cookie\n",
    );
    assertEquals(
      await Deno.readTextFile(`${directory}/.pulse-client.conf`),
      `default-server=127.0.0.1:${session.info.soundPort}\ncookie-file=${directory}/.pulse-cookie\nautospawn=no\n`,
    );
    assertEquals(
      await Deno.readFile(`${directory}/.pulse-cookie`),
      await Deno.readFile(pulse.cookieFile),
    );
  },
);

serverTest(
  ["x2gostartagent", "paplay"],
  "without PulseAudio here, programs get an error at once, and somebody is told why",
  async () => {
    await using x2go = await startX2GoServer();
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.start(connection, {
      command: "xterm",
    });
    const problems: RForwardError[] = [];
    const sound = await session.shareSound({
      target: { path: `${x2go.dir}/nobody` },
      cookieFile: `${x2go.dir}/none`,
      onProblem: (problem) => problems.push(problem),
    });
    assert(sound.problem instanceof TargetError);
    assertMatch(sound.problem.message, /no sound server answers at .*nobody/);

    // The machine may be busy, but not each time.
    const took: number[] = [];
    do {
      const before = performance.now();
      const error = await assertRejects(
        () => x2go.run(`${exports(session)} timeout 10 pactl info`),
        Error,
      );
      took.push(performance.now() - before);
      assertMatch(error.message, /Connection (refused|terminated)/);
    } while (took.at(-1)! >= 1000 && took.length < 10);
    assert(took.at(-1)! < 1000, `it took ${took} ms`);
    assertEquals(
      problems.map(({ code }) => code),
      ["target-failed", ...took.map(() => "target-failed")],
    );

    // As soon as somebody is there, all is well.
    using late = Deno.listen({ transport: "unix", path: `${x2go.dir}/nobody` });
    const served = late.accept().then((connection) => connection.close());
    await assertRejects(
      () => x2go.run(`${exports(session)} timeout 10 pactl info`),
      Error,
    );
    await served;
    assertEquals(sound.problem, undefined);
  },
);

serverTest(
  "x2gostartagent",
  'session.shareSound({ system: "esd" }) leads programs to an esd here, with its cookie',
  async () => {
    await using x2go = await startX2GoServer();
    await using connection = await connectTo(x2go);
    await using session = await X2GoSession.start(connection, {
      command: "xterm",
    });
    const cookieFile = `${x2go.dir}/esd_auth`;
    await Deno.writeTextFile(cookieFile, "sixteen bytes!!!");
    using esd = Deno.listen({ hostname: "127.0.0.1", port: 0 });

    const sound = await session.shareSound({
      system: "esd",
      target: { port: esd.addr.port },
      cookieFile,
    });
    (await esd.accept()).close(); // was there to see whether it answers
    const served = (async () => {
      using conn = await esd.accept();
      await conn.readable.pipeTo(conn.writable);
    })();
    // As esd's clients do it: the cookie comes first.
    const answer = await x2go.run(
      `${
        exports(session)
      } exec bash --norc -c 'exec 3<>/dev/tcp/\${ESPEAKER/:/\\/}; cat ~/.esd_auth >&3; head -c 16 <&3'`,
    );
    await served;

    assertEquals(answer, "sixteen bytes!!!");
    assertEquals(sound.environment, {
      ESPEAKER: `localhost:${session.info.soundPort}`,
    });
    assertMatch(await x2go.run("stat -c %a ~/.esd_auth"), /^600$/m);
  },
);

Deno.test({
  name:
    "without Deno's permissions, sound is looked for all the same, and somebody is told which are missing",
  permissions: "none",
  async fn() {
    const problems: RForwardError[] = [];
    const share = new SoundShare({
      onProblem: (problem) => problems.push(problem),
    });
    const connection = {
      exec: () => Promise.reject(new Error("as far as that")),
    } as Partial<SshConnection> as SshConnection;
    const session = { name: "s", soundPort: 30_001 } as ReadySession;

    const error = await assertRejects(
      () => share.resume({ connection, session }),
      Error,
    );

    assertEquals(error.message, "as far as that");
    assertMatch(problems[0]!.message, /127\.0\.0\.1:4713.* --allow-net/);
  },
});
