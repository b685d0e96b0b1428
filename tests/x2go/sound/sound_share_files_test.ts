/** The files and ports of shared sound: what is left behind, and what is reported. */
import { type RForwardError, TargetError } from "../../../src/errors.ts";
import type { SshConnection } from "../../../src/ssh/connection.ts";
import { X2GoError } from "../../../src/x2go/errors.ts";
import type { ReadySession } from "../../../src/x2go/server/session_info.ts";
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import { SoundShare } from "../../../src/x2go/sound/sound_share.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startPulseAudio } from "../../servers/pulseaudio.ts";
import { exports } from "../client.ts";
import { soundConfig } from "./sound_config.ts";
import { keepSession } from "../keep_session.ts";
import { startXterm } from "../start_xterm.ts";

serverTest(
  ["x2gostartagent", "pulseaudio"],
  "session.shareSound() leads the session's programs here",
  async (t) => {
    await using xterm = await startXterm();
    const { x2go, connection, session } = xterm;

    await t.step(
      "leaves nothing for others to read, and replaces old files",
      async () => {
        await using pulse = await startPulseAudio();
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
        const { text, cookieFile, cookie } = await soundConfig(session);
        const name = cookieFile.replace(`${directory}/`, "");
        assertEquals(
          await x2go.run(`cd ${directory}; stat -c '%a %s %n' .pulse*`),
          `600 ${text.length} .pulse-client.conf\n600 256 ${name}\n`,
        );
        assertEquals(
          text,
          `default-server=127.0.0.1:${session.info.soundPort}\ncookie-file=${cookieFile}\nautospawn=no\n`,
        );
        // Our own stays here.
        assert(`${cookie}` !== `${await Deno.readFile(pulse.cookieFile)}`);

        // A second share fails at once, and the first stays up.
        const [sound] = session.shares;
        const error = await assertRejects(
          () => session.shareSound(),
          X2GoError,
        );
        assertMatch(error.message, /shares its sound already/);
        assertEquals(await soundConfig(session), { text, cookieFile, cookie });

        // At its end, programs are not left with a port that others may take.
        await sound!.stop();
        const nowhere = await Deno.readTextFile(
          `${directory}/.pulse-client.conf`,
        );
        assertMatch(nowhere, /^default-server=unix:\/.*\nautospawn=no\n$/);
        assertEquals(
          await x2go.run(`ls -A ${directory} | grep -c cookie; true`),
          "0\n",
        );
        await using _again = await session.shareSound({
          target: { path: pulse.socket },
        });
      },
    );

    await t.step(
      "gives programs an error at once without PulseAudio here, and onProblem the reason",
      async () => {
        const problems: RForwardError[] = [];
        await using sound = await session.shareSound({
          target: { path: `${x2go.dir}/missing` },
          cookieFile: `${x2go.dir}/none`,
          onProblem: (problem) => problems.push(problem),
        });
        assert(sound.problem instanceof TargetError);
        assertMatch(
          sound.problem.message,
          /no sound server answers at .*missing/,
        );

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

        // As soon as one runs, the share works.
        using late = Deno.listen({
          transport: "unix",
          path: `${x2go.dir}/missing`,
        });
        const served = late.accept().then((connection) => connection.close());
        await assertRejects(
          () => x2go.run(`${exports(session)} timeout 10 pactl info`),
          Error,
        );
        await served;
        assertEquals(sound.problem, undefined);
      },
    );

    await t.step(
      "to an esd here, with its cookie, for system: 'esd'",
      async () => {
        const cookieFile = `${x2go.dir}/esd_auth`;
        await Deno.writeTextFile(cookieFile, "sixteen bytes!!!");
        using esd = Deno.listen({ hostname: "127.0.0.1", port: 0 });

        const sound = await session.shareSound({
          system: "esd",
          target: { port: esd.addr.port },
          cookieFile,
        });
        (await esd.accept()).close(); // the look whether it answers
        const served = (async () => {
          using conn = await esd.accept();
          await conn.readable.pipeTo(conn.writable);
        })();
        // As esd's clients do it: the key comes first.
        const answer = await x2go.run(
          `${
            exports(session)
          } exec bash --norc -c 'exec 3<>/dev/tcp/\${ESPEAKER/:/\\/}; cat ~/.esd_auth >&3; head -c 16 <&3'`,
        );
        await served;
        const refused = await x2go.run(
          `${
            exports(session)
          } exec bash --norc -c 'exec 3<>/dev/tcp/\${ESPEAKER/:/\\/}; head -c 16 /dev/zero >&3; timeout 5 cat <&3'`,
        );

        assertEquals([answer, refused], ["sixteen bytes!!!", ""]);
        assertEquals(sound.environment, {
          ESPEAKER: `localhost:${session.info.soundPort}`,
        });
        const files = await x2go.run("stat -c '%a %s %n' .esd_auth*");
        assertEquals(files, "600 16 .esd_auth\n");
        const key = await Deno.readFile(`${x2go.home}/.esd_auth`);
        assert(new TextDecoder().decode(key) !== answer);

        // Another session's programs present the same key: esd has one per user.
        await using another = await X2GoSession.start(connection, {
          command: "xterm",
        });
        await using _kept = await keepSession(x2go, another);
        await another.shareSound({
          system: "esd",
          target: { port: esd.addr.port },
        });
        assertEquals(await Deno.readFile(`${x2go.home}/.esd_auth`), key);
        await sound.stop();
        // A key that others could read is replaced.
        await Deno.chmod(`${x2go.home}/.esd_auth`, 0o644);
        await session.shareSound({
          system: "esd",
          target: { port: esd.addr.port },
        });
        const fresh = await Deno.readFile(`${x2go.home}/.esd_auth`);
        assert(`${fresh}` !== `${key}`);
      },
    );
  },
);

Deno.test({
  name:
    "without Deno's permissions, sound is looked for all the same, and onProblem names those that are missing",
  permissions: "none",
  async fn() {
    const problems: RForwardError[] = [];
    const share = new SoundShare({
      onProblem: (problem) => problems.push(problem),
    });
    // It is used only after the sound server was looked for.
    const connection = new Proxy({} as SshConnection, {
      get() {
        throw new Error("as far as that");
      },
    });
    const session = { name: "s", soundPort: 30_001 } as ReadySession;

    const error = await assertRejects(
      () => share.resume({ connection, session }),
      Error,
    );

    assertEquals(error.message, "as far as that");
    assertMatch(problems[0]!.message, /127\.0\.0\.1:4713.* --allow-net/);
  },
});
