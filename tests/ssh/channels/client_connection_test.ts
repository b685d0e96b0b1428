import { refusalReason } from "../../../src/ssh/messages/refusal_reasons.ts";
import { Buffer } from "node:buffer";
import {
  ChannelError,
  ConnectionLostError,
  ForwardDeniedError,
} from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type { SshConnection } from "../../../src/ssh/connection.ts";
import { generateKeyPair } from "../../../src/ssh/keys/private/key_pair.ts";
import { ServedHostKey } from "../../../src/testing/served_host_key.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { within } from "../../within.ts";
import { bytes, Taker } from "../contract/setting.ts";
import {
  type Script,
  type ServerProtocol,
  startScriptedServer,
} from "../scripted_server.ts";

const hostname = "127.0.0.1";

/** A connection to a server that follows a script, and the server's side of it. */
async function setUp(handlers: Script["handlers"], options = {}) {
  await using stack = new AsyncDisposableStack();
  const ready = Promise.withResolvers<ServerProtocol>();
  const answers: (() => void)[] = [];
  const server = stack.use(
    await startScriptedServer({
      handlers: (protocol) => ({
        REQUEST_FAILURE: () => answers.shift()?.(),
        ...handlers?.(protocol),
      }),
      onReady: ready.resolve,
    }),
  );
  const connection = stack.use(
    await connect({ ...server.options, ...options }),
  );
  const protocol = await ready.promise;
  const resources = stack.move();
  return {
    connection,
    protocol,
    /** Waits until the client has taken all that the server said. */
    async heard(): Promise<void> {
      const answer = Promise.withResolvers<void>();
      answers.push(answer.resolve);
      protocol.ping();
      await within(20_000, "the client's answer", answer.promise);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Handlers that answer requests, and open channels by what the client asks. */
function wellBehaved(protocol: ServerProtocol) {
  return {
    GLOBAL_REQUEST: () => protocol.requestFailure(),
    CHANNEL_OPEN: (_p: unknown, { sender }: { sender: number }) =>
      protocol.channelOpenConfirm(sender, sender, 1000, 1000),
    CHANNEL_REQUEST: (_p: unknown, id: number, _t: string, reply: boolean) => {
      if (reply) protocol.channelSuccess(id);
    },
    CHANNEL_CLOSE: (_p: unknown, id: number) => protocol.channelClose(id),
  };
}

/** Fails unless the connection still works. */
async function assertAlive(connection: SshConnection): Promise<void> {
  assertEquals(
    await connection.cancelForward({ hostname, port: 1 }),
    false,
  );
}

Deno.test("requestForward() ends the connection if it is never answered", async () => {
  await using it = await setUp(() => ({}), {
    requestTimeoutMs: 50,
  });
  const asked = [1, 2].map((port) =>
    assertRejects(
      () => it.connection.requestForward({ hostname, port }),
      ConnectionLostError,
    )
  );

  const errors = await within(10_000, "the answers", Promise.all(asked));

  assertMatch(errors[0]!.message, /did not answer tcpip-forward within 50 ms/);
  assertEquals(errors[1], errors[0]);
  assertEquals((await it.connection.closed).error, errors[0]);
});

Deno.test("requestForward() leaves when its signal aborts, and what is granted later is cancelled before anything else is asked", async () => {
  const asked: string[] = [];
  const grant = Promise.withResolvers<void>();
  await using it = await setUp((protocol) => ({
    GLOBAL_REQUEST: async (_p: unknown, name: string) => {
      asked.push(name);
      await grant.promise;
      protocol.requestSuccess();
    },
  }));
  const stop = new AbortController();
  const reason = new Error("enough");
  const { signal } = stop;
  const first = assertRejects(
    () => it.connection.requestForward({ hostname, port: 1 }, { signal }),
    Error,
  );
  const queued = assertRejects(
    () => it.connection.cancelForward({ hostname, port: 9 }, { signal }),
    Error,
  );
  const next = it.connection.requestForward({ hostname, port: 2 });
  await it.heard();
  stop.abort(reason);
  assertEquals(await within(10_000, "the ends", Promise.all([first, queued])), [
    reason,
    reason,
  ]);
  grant.resolve();
  await within(10_000, "the next answer", next);
  assertEquals(asked, [
    "tcpip-forward",
    "cancel-tcpip-forward",
    "tcpip-forward",
  ]);
});

for (
  const [what, data] of [
    ["none", undefined],
    ["half of one", Buffer.of(0, 0)],
    ["0", Buffer.of(0, 0, 0, 0)],
    ["70000", Buffer.of(0, 1, 0x11, 0x70)],
  ] as const
) {
  Deno.test(`requestForward() is denied by a server that chooses a port and reports ${what}`, async () => {
    await using it = await setUp((protocol) => ({
      GLOBAL_REQUEST: () => protocol.requestSuccess(data),
    }));
    const error = await assertRejects(
      () => it.connection.requestForward({ hostname, port: 0 }),
      ForwardDeniedError,
    );
    assertMatch(error.message, /was to choose a port and answered/);
    // A port that was asked for needs no answer but yes.
    const bind = { hostname, port: 8022 };
    assertEquals(await it.connection.requestForward(bind), bind);
  });
}

Deno.test("a connection ignores unsolicited messages", async () => {
  await using it = await setUp(wellBehaved);
  const { protocol } = it;
  protocol.requestSuccess();
  protocol.requestFailure();
  for (const id of [0, 7, 2 ** 32 - 1]) {
    protocol.channelOpenConfirm(id, 1, 1, 1);
    protocol.channelOpenFail(id, 1, "no");
    protocol.channelWindowAdjust(id, 1);
    protocol.channelData(id, Buffer.from("data"));
    protocol.channelExtData(id, Buffer.from("data"), 1);
    protocol.channelEOF(id);
    protocol.exitStatus(id, 1);
    protocol.channelSuccess(id);
    protocol.channelFailure(id);
    protocol.channelClose(id);
  }
  await it.heard();
  await assertAlive(it.connection);
});

Deno.test("a connection ignores login messages after the login", async () => {
  let asked = 0;
  await using it = await setUp(wellBehaved, {
    password: () => {
      asked++;
      return Promise.resolve("secret");
    },
  });
  const { protocol } = it;
  const answers = [
    () => protocol.authSuccess(),
    () => protocol.authFailure(["password"]),
    () => protocol.serviceAccept("ssh-userauth"),
  ];
  for (const answer of answers) {
    protocol._authsQueue.push("none");
    answer();
    await it.heard();
    await assertAlive(it.connection);
  }
  assertEquals(asked, 0);
});

Deno.test("a connection refuses channels of a kind that it does not know", async () => {
  const refused = Promise.withResolvers<unknown[]>();
  await using it = await setUp((protocol) => ({
    ...wellBehaved(protocol),
    CHANNEL_OPEN_FAILURE: (_p, ...args) => refused.resolve(args),
  }));
  new Taker(it.connection);
  it.protocol.x11(5, 1000, 1000, { originAddr: hostname, originPort: 1 });
  assertEquals(await refused.promise, [
    5,
    3,
    "rforward does not accept x11 channels",
  ]);
});

Deno.test("a connection refuses more openings than can be meant", async () => {
  const reasons: unknown[] = [];
  await using it = await setUp((protocol) => ({
    ...wellBehaved(protocol),
    CHANNEL_OPEN_FAILURE: (_p, _id, reason) =>
      reasons.push(refusalReason(reason)),
  }));
  it.connection.takeForwardedOpens(() => new Promise(() => {}));
  for (let id = 0; id < 10_005; id++) {
    it.protocol.forwardedTcpip(id, 1000, 1000, {
      ...{ boundAddr: hostname, boundPort: 1 },
      ...{ remoteAddr: hostname, remotePort: 2 },
    });
  }
  await it.heard();
  assertEquals(reasons, Array(5).fill("resource-shortage"));
});

Deno.test("a channel is closed if the server sends more than the window allows", async () => {
  await using it = await setUp(wellBehaved);
  const channel = await it.connection.openDirect(hostname, 80);
  const packet = Buffer.alloc(32 * 1024);
  for (let sent = 0; sent <= 2 * 1024 * 1024; sent += packet.length) {
    it.protocol.channelData(0, packet);
  }
  const reader = channel.readable.getReader();
  const error = await assertRejects(() => reader.closed, ChannelError);
  assertMatch(error.message, /32768 bytes more than the window/);
  assertEquals((await channel.closed).reason, "closed");
  await assertAlive(it.connection);
});

Deno.test("a channel gathers small packets, and ignores empty ones", async () => {
  await using it = await setUp(wellBehaved);
  const channel = await it.connection.openDirect(hostname, 80);
  const packet = Buffer.alloc(1, 7);
  for (let i = 0; i < 10_000; i++) {
    it.protocol.channelData(0, packet);
    it.protocol.channelData(0, packet.subarray(1));
  }
  it.protocol.channelEOF(0);
  await it.heard();

  const chunks = await Array.fromAsync(channel.readable);
  assertEquals(channel.bytesReceived, 10_000);
  assert(chunks.length < 20, `${chunks.length} chunks`);
  channel.close();
});

Deno.test("a channel ignores data after EOF, data that is not for it, a second EOF, and everything after CLOSE", async () => {
  await using it = await setUp(wellBehaved);
  const { protocol } = it;
  const channel = await it.connection.openDirect(hostname, 80);
  const say = (text: string) => protocol.channelData(0, Buffer.from(text));
  protocol.channelExtData(0, Buffer.from("on standard error"), 1);
  say("before");
  protocol.channelEOF(0);
  say("after EOF");
  protocol.channelEOF(0);
  protocol.channelClose(0);
  say("after CLOSE");
  protocol.channelEOF(0);
  protocol.channelWindowAdjust(0, 2 ** 32 - 1);
  protocol.channelClose(0);
  await it.heard();

  assertEquals(await new Response(channel.readable).text(), "before");
  assertEquals((await channel.closed).reason, "closed");
  assertEquals(channel.bytesReceived, 6);
  assertEquals(it.connection.openChannels, 0);
  await assertAlive(it.connection);
});

Deno.test("a channel that its server closes without EOF has ended", async () => {
  await using it = await setUp(wellBehaved);
  const channel = await it.connection.openDirect(hostname, 80);
  it.protocol.channelData(0, Buffer.from("all"));
  it.protocol.channelClose(0);
  await it.heard();
  assertEquals(await new Response(channel.readable).text(), "all");
  await assertRejects(
    () => channel.writable.getWriter().write(new Uint8Array(1)),
    ChannelError,
  );
  await assertAlive(it.connection);
});

Deno.test("a channel that is closed before its end was read does not leave its reader waiting", async () => {
  await using it = await setUp(wellBehaved);
  const channel = await it.connection.openDirect(hostname, 80);
  it.protocol.channelData(0, Buffer.from("never read"));
  it.protocol.channelEOF(0);
  await it.heard();

  channel.close();

  const reader = channel.readable.getReader();
  await within(
    10_000,
    "read()",
    assertRejects(() => reader.read(), ChannelError),
  );
});

Deno.test("a channel sends no packet larger than the server takes, and no byte beyond its window", async () => {
  const sizes: number[] = [];
  let ended = false;
  await using it = await setUp((protocol) => ({
    ...wellBehaved(protocol),
    CHANNEL_OPEN: (_p, { sender }) =>
      protocol.channelOpenConfirm(sender, sender, 250, 100),
    CHANNEL_DATA: (_p, _id, data) => sizes.push(data.length),
    CHANNEL_EOF: () => ended = true,
  }));
  const channel = await it.connection.openDirect(hostname, 80);
  const writer = channel.writable.getWriter();
  const writing = writer.write(new Uint8Array(1000));
  const closing = writer.close();
  await assertAlive(it.connection);
  assertEquals(sizes, [100, 100, 50]);
  assertEquals(channel.bytesSent, 250);
  assertEquals(ended, false);

  it.protocol.channelWindowAdjust(0, 2 ** 32 - 1);
  it.protocol.channelWindowAdjust(0, 2 ** 32 - 1);
  await Promise.all([writing, closing]);
  await assertAlive(it.connection);
  assertEquals(sizes.reduce((sum, size) => sum + size), 1000);
  assert(sizes.every((size) => size <= 100));
  assertEquals(ended, true);
});

Deno.test("a channel that takes packets of 0 bytes gets one byte at a time", async () => {
  const sizes: number[] = [];
  await using it = await setUp((protocol) => ({
    ...wellBehaved(protocol),
    CHANNEL_OPEN: (_p, { sender }) =>
      protocol.channelOpenConfirm(sender, sender, 3, 0),
    CHANNEL_DATA: (_p, _id, data) => sizes.push(data.length),
  }));
  const channel = await it.connection.openDirect(hostname, 80);
  await channel.writable.getWriter().write(bytes("abc"));
  await assertAlive(it.connection);
  assertEquals(sizes, [1, 1, 1]);
  channel.close();
});

Deno.test("exec() reports a server that refuses to run the command", async () => {
  await using it = await setUp((protocol) => ({
    ...wellBehaved(protocol),
    CHANNEL_REQUEST: (_p, id) => protocol.channelFailure(id),
  }));
  const error = await assertRejects(
    () => it.connection.exec("rm -rf /"),
    ChannelError,
  );
  assertEquals(error.code, "channel-refused");
  assertMatch(error.message, /would not run "rm -rf \/"/);
  await assertAlive(it.connection);
  assertEquals(it.connection.openChannels, 0);
});

Deno.test("exec() stops at once when the signal aborts, though the server never answers", async () => {
  await using it = await setUp((protocol) => ({
    ...wellBehaved(protocol),
    CHANNEL_REQUEST: () => {},
    CHANNEL_CLOSE: () => {},
  }));
  const reason = new Error("enough");
  const stop = new AbortController();
  const starting = assertRejects(
    () => it.connection.exec("true", { signal: stop.signal }),
    Error,
  );
  await assertAlive(it.connection);
  stop.abort(reason);
  assertEquals(await within(10_000, "exec()", starting), reason);
});

Deno.test("a command that ends without a word has neither status nor signal", async () => {
  await using it = await setUp(wellBehaved);
  await using process = await it.connection.exec("true");
  it.protocol.channelClose(0);
  assertEquals(await process.status, {
    code: undefined,
    signal: undefined,
    success: false,
  });
});

Deno.test("a connection reports why the server ended it", async () => {
  await using it = await setUp(wellBehaved);
  it.protocol.disconnect(2);
  const { reason, error } = await within(
    10_000,
    "the end",
    it.connection.closed,
  );
  assertEquals(reason, "lost");
  assertMatch(
    error!.message,
    /^the server ended the connection: PROTOCOL_ERROR/,
  );
});

Deno.test("a connection survives a key re-exchange, and not one with another host key", async () => {
  await using it = await setUp(wellBehaved);
  it.protocol.rekey();
  await assertAlive(it.connection);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await assertAlive(it.connection);

  const other = new ServedHostKey((await generateKeyPair()).privateKey);
  it.protocol._hostKeys = { "ssh-ed25519": other.key };
  it.protocol.rekey();
  const { error } = await within(10_000, "the end", it.connection.closed);
  assertMatch(error!.message, /showed another host key than before/);
});
