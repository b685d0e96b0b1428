import type { TargetError } from "../../../src/errors.ts";
import { forward } from "../../../src/forward/tunnel/forward.ts";
import { silentLogger } from "../../../src/logger.ts";
import { esdLogin } from "../../../src/x2go/sound/esd_login.ts";
import { pulseLogin } from "../../../src/x2go/sound/pulse_login.ts";
import {
  SoundGate,
  type SoundGateOptions,
} from "../../../src/x2go/sound/sound_gate.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import {
  receive,
  send,
  startRig,
  startService,
  visit,
} from "../../forward/rig.ts";
import { serverTest } from "../../servers/availability.ts";
import { withFreePort } from "../../servers/free_port.ts";
import { startPipeWire } from "../../servers/pipewire.ts";
import { run } from "../../servers/run.ts";
import { auth, refusal } from "./pulse_client.ts";

const cookie = crypto.getRandomValues(new Uint8Array(256));
const targetCookie = crypto.getRandomValues(new Uint8Array(256));

/** A gate behind a port of a real sshd, and a sound server that echoes what it receives. */
async function startGate(options: Partial<SoundGateOptions> = {}) {
  await using stack = new AsyncDisposableStack();
  const service = stack.use(startService(async (conn) => {
    const heard = await receive(conn);
    await send(conn, heard);
  }));
  const warnings: string[] = [];
  const refusals: string[] = [];
  const errors: TargetError[] = [];
  let served = 0;
  const gate = new SoundGate({
    login: pulseLogin,
    cookie: () => cookie,
    target: { port: service.port },
    targetCookie,
    onServed: () => served++,
    onTargetError: (error) => errors.push(error),
    logger: {
      ...silentLogger,
      warn: (message) => warnings.push(message),
      debug: (message) => {
        if (message.startsWith("refused a connection")) refusals.push(message);
      },
    },
    ...options,
  });
  const rig = stack.use(await startRig("sshd"));
  const tunnel = stack.use(
    await forward(rig.connection, { bind: { port: 0 }, target: gate.target }),
  );
  const kept = stack.move();
  return {
    service,
    tunnel,
    warnings,
    refusals,
    errors,
    get served() {
      return served;
    },
    /** Says something at the port, and returns the answer. */
    async ask(...parts: Uint8Array[]) {
      using conn = await visit(tunnel.port);
      for (const part of parts) await send(conn, part);
      await conn.closeWrite();
      return await receive(conn);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

serverTest(
  "sshd",
  "SoundGate connects who presents the session's cookie, with the sound server's own cookie in its place",
  async () => {
    await using gate = await startGate();
    assertEquals(gate.tunnel.target, `127.0.0.1:${gate.service.port}`);
    const more = crypto.getRandomValues(new Uint8Array(60_000));
    const expected = new Uint8Array([...auth(targetCookie, 0x23), ...more]);

    const login = auth(cookie);
    assertEquals(await gate.ask(login, more), expected);
    // However it is cut.
    assertEquals(
      await gate.ask(login.subarray(0, 1), login.subarray(1), more),
      expected,
    );
    assertEquals(await gate.ask(new Uint8Array([...login, ...more])), expected);

    assertEquals([gate.served, gate.service.taken], [3, 3]);
    assertEquals(gate.warnings, []);
  },
);

serverTest(
  ["sshd", "pipewire-pulse"],
  "SoundGate guards PipeWire, which looks at no cookie",
  async () => {
    await using pipewire = await startPipeWire();
    await using gate = await startGate({ target: { path: pipewire.socket } });
    const cookieFile = await Deno.makeTempFile();
    try {
      const serverName = async (server: string) =>
        /^Server Name: .*$/m.exec(
          await run("env", [
            ...["-i", "PATH=/usr/bin:/bin", `PULSE_SERVER=${server}`],
            ...[`PULSE_COOKIE=${cookieFile}`, "timeout", "10", "pactl", "info"],
          ]),
        )?.[0];
      const port = `127.0.0.1:${gate.tunnel.port}`;

      await Deno.writeFile(cookieFile, cookie);
      assertMatch(`${await serverName(port)}`, /PipeWire/);

      await Deno.writeFile(cookieFile, targetCookie);
      assertMatch(`${await serverName(`unix:${pipewire.socket}`)}`, /PipeWire/);
      const error = await assertRejects(() => serverName(port), Error);
      assertMatch(error.message, /Access denied/);
    } finally {
      await Deno.remove(cookieFile);
    }
  },
);

serverTest(
  "sshd",
  "SoundGate refuses a wrong cookie, and the sound server sees nothing of it",
  async () => {
    await using gate = await startGate();
    for (const at of [0, 255]) {
      const wrong = cookie.slice();
      wrong[at]! ^= 1;
      assertEquals(await gate.ask(auth(wrong), auth(cookie)), refusal(1));
    }
    for (const none of [new Uint8Array(256), targetCookie]) {
      assertEquals(await gate.ask(auth(none)), refusal(1));
    }
    assertEquals([gate.service.taken, gate.served], [0, 0]);
    // One warning, however often a stranger tries.
    assertEquals([gate.warnings.length, gate.refusals.length], [1, 3]);
    assertMatch(gate.warnings[0]!, /from 127\.0\.0\.1:\d+ .* a wrong cookie/);
  },
);

serverTest(
  "sshd",
  "SoundGate closes what is not a login: too short, something else, or silent",
  async () => {
    await using gate = await startGate({ loginMs: 50 });
    const nothing = new Uint8Array();
    const http = new TextEncoder().encode(
      `GET / HTTP/1.1\r\n${"x".repeat(400)}`,
    );

    assertEquals(await gate.ask(), nothing);
    assertEquals(await gate.ask(auth(cookie).subarray(0, 295)), nothing);
    assertEquals(await gate.ask(http), nothing);
    using silent = await visit(gate.tunnel.port);
    assertEquals(await receive(silent), nothing);
    using halting = await visit(gate.tunnel.port);
    await send(halting, auth(cookie).subarray(0, 200));
    assertEquals(await receive(halting), nothing);

    assertEquals(gate.service.taken, 0);
  },
);

serverTest(
  "sshd",
  "SoundGate serves its programs however many silent connections others open",
  async () => {
    await using gate = await startGate();
    using crowd = new DisposableStack();
    const strangers: Deno.Conn[] = [];
    for (let i = 0; i < 64; i++) {
      strangers.push(crowd.use(await visit(gate.tunnel.port)));
    }

    assertEquals(await gate.ask(auth(cookie)), auth(targetCookie, 0x23));
    // The oldest had to go.
    assertEquals(await receive(strangers[0]!), new Uint8Array());
    assertEquals(gate.service.taken, 1);
  },
);

serverTest(
  "sshd",
  "SoundGate reports at once that the sound server does not accept connections",
  async () => {
    await withFreePort(async (port) => {
      await using gate = await startGate({ target: { port } });

      assertEquals(await gate.ask(auth(cookie)), refusal(6));

      assertEquals(gate.errors.map(({ code }) => code), ["target-failed"]);
      assertMatch(gate.errors[0]!.message, new RegExp(`127.0.0.1:${port} `));
      assertEquals(gate.served, 0);
    });
  },
);

serverTest(
  "sshd",
  "SoundGate ends a connection with its tunnel, on both sides",
  async () => {
    await using gate = await startGate();
    using conn = await visit(gate.tunnel.port);
    await send(conn, auth(cookie));
    while (gate.served === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    using waiting = await visit(gate.tunnel.port);

    await gate.tunnel.stop();

    assertEquals(
      await receive(conn).catch(() => new Uint8Array()),
      new Uint8Array(),
    );
    assertEquals(
      await receive(waiting).catch(() => new Uint8Array()),
      new Uint8Array(),
    );
  },
);

serverTest(
  "sshd",
  "SoundGate checks and replaces the key of an esd client",
  async () => {
    const [key, esdKey] = [
      cookie.subarray(0, 16),
      targetCookie.subarray(0, 16),
    ];
    await using gate = await startGate({
      login: esdLogin,
      cookie: () => key,
      targetCookie: esdKey,
    });
    const more = new TextEncoder().encode("NDNE and more");
    const wrong = key.slice();
    wrong[15]! ^= 1;

    assertEquals(
      await gate.ask(new Uint8Array([...key, ...more])),
      new Uint8Array([...esdKey, ...more]),
    );
    assertEquals(
      await gate.ask(new Uint8Array([...wrong, ...more])),
      new Uint8Array(),
    );
    assert(gate.service.taken === 1, `${gate.service.taken}`);
  },
);
