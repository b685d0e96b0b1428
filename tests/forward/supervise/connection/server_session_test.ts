import {
  ArgumentError,
  ChannelError,
  type SessionMode,
  type SshProcess,
  supervise,
  type SupervisorEvent,
} from "../../../../mod.ts";
import { ServerSession } from "../../../../src/forward/supervise/connection/server_session.ts";
import { silentLogger } from "../../../../src/logger.ts";
import { startTestServer } from "../../../../src/testing/mod.ts";
import { assertEquals, assertThrows } from "../../../assert.ts";
import { within } from "../../../within.ts";
import { FakeConnection } from "../../fake_connection.ts";

/** A connection that notes which sessions are opened. */
class Sessions extends FakeConnection {
  readonly opened: string[] = [];
  refusal: ChannelError | undefined;
  #process(): SshProcess {
    const stdout = ReadableStream.from([
      new TextEncoder().encode("https://demo.example\r\n"),
    ]);
    const status = { code: 0, signal: undefined, success: true };
    return {
      stdout,
      stderr: ReadableStream.from<Uint8Array>([]),
      status: Promise.resolve(status),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    } as unknown as SshProcess;
  }

  override shell(): Promise<SshProcess> {
    this.opened.push("shell");
    if (this.refusal) return Promise.reject(this.refusal);
    return Promise.resolve(this.#process());
  }

  override exec(command?: string): Promise<SshProcess> {
    this.opened.push(`exec ${command}`);
    return Promise.resolve(this.#process());
  }
}

/** Keeps a session on a connection until it ends, and returns what was logged. */
async function keep(
  mode: SessionMode,
  connection: FakeConnection,
  { answers = true, answerMs = 20_000 } = {},
): Promise<SupervisorEvent[]> {
  const events: SupervisorEvent[] = [];
  const session = new ServerSession(
    mode,
    (event) => events.push(event),
    silentLogger,
    answerMs,
  );
  const kept = session.keep(connection);
  if (answers) session.answered();
  await within(10_000, "the session", kept);
  return events;
}

for (
  const [software, mode, opened] of [
    ["Go", "auto", ["shell"]],
    ["AsyncSSH_2.10.1", "auto", ["shell"]],
    ["OpenSSH_9.2p1", "auto", []],
    ["dropbear_2022.83", "auto", []],
    ["OpenSSH_9.2p1", "always", ["shell"]],
    ["OpenSSH_9.2p1", { command: "http" }, ["exec http"]],
    ["Go", { command: "http" }, ["exec http"]],
    ["Go", "never", []],
  ] as const
) {
  Deno.test(`a session of ${JSON.stringify(mode)} on ${software}: ${opened.join() || "none"}`, async () => {
    const connection = new Sessions(software);
    const events = await keep(mode, connection);
    assertEquals(connection.opened, [...opened]);
    assertEquals(
      events,
      opened.length === 0 ? [] : [
        {
          type: "session-output",
          stream: "stdout",
          text: "https://demo.example",
        },
        {
          type: "session-ended",
          status: { code: 0, signal: undefined, success: true },
        },
      ],
    );
  });
}

Deno.test("a session of auto is opened where sshd does not answer a request to listen", async () => {
  const connection = new Sessions("OpenSSH_9.2p1");
  await keep("auto", connection, { answers: false, answerMs: 10 });
  assertEquals(connection.opened, ["shell"]);
});

Deno.test("a refused session is logged, but not in auto", async () => {
  const error = new ChannelError("channel-refused", "no shells here");
  for (
    const [mode, told] of [
      ["auto", []],
      ["always", [{ type: "session-ended", error }]],
    ] as const
  ) {
    const connection = new Sessions("Go");
    connection.refusal = error;
    assertEquals(await keep(mode, connection), [...told]);
    assertEquals(connection.opened, ["shell"]);
  }
});

Deno.test("supervise() opens a session on each connection, and stays up when it ends", async () => {
  await using server = await startTestServer({
    exec: async (command, { stdout, stderr }) => {
      const say = async (stream: WritableStream<Uint8Array>, text: string) => {
        const writer = stream.getWriter();
        await writer.write(new TextEncoder().encode(text));
        writer.releaseLock();
      };
      await say(stdout, `\x1b[32mhttps://${command}.example\x1b[0m\r\n`);
      await say(stderr, "for an hour");
      return 4;
    },
  });
  const events: SupervisorEvent[] = [];
  let ended = Promise.withResolvers<void>();
  const connect = {
    hostname: server.hostname,
    port: server.port,
    user: server.user,
    password: server.password,
    hostKeys: { text: server.knownHosts },
  };
  await using supervisor = supervise({
    connect,
    tunnels: [{ bind: { port: 0 }, target: { port: 1 } }],
    connectRetry: { firstMs: 1 },
    session: { command: "demo" },
    onEvent(event) {
      if (event.type.startsWith("session-")) events.push(event);
      if (event.type === "session-ended") ended.resolve();
    },
  });
  await supervisor.ready;
  await ended.promise;
  ended = Promise.withResolvers();
  await server.disconnectAll();
  await ended.promise;

  const { state } = supervisor.snapshot;
  assertEquals(["connecting", "up"].includes(state), true, state);
  const output = (stream: string) =>
    events.flatMap((event) =>
      event.type === "session-output" && event.stream === stream
        ? event.text
        : []
    );
  assertEquals(output("stdout"), Array(2).fill("https://demo.example"));
  assertEquals(output("stderr"), Array(2).fill("for an hour"));
  const end = events.at(-1);
  assertEquals(end?.type === "session-ended" && end.status?.code, 4);

  for (const session of ["sometimes", { command: "" }, {}]) {
    const mode = session as SessionMode;
    const error = assertThrows(
      () => supervise({ connect, tunnels: [], session: mode }),
      ArgumentError,
    );
    assertEquals(error.argument.startsWith("session"), true);
  }
});
