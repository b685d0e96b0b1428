/** WebSockets of serve(), with clients that keep to the protocol and clients that exhaust what they can; on a real sshd. */
import type { ArgumentError, UpgradeWebSocketOptions } from "../../../mod.ts";
import { concat } from "../../../src/streams/concat.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { send, visit } from "../rig.ts";
import { type Site, startSite } from "./site.ts";

const [CONTINUED, TEXT, BINARY, CLOSE, PING] = [0, 1, 2, 8, 9];

/** A frame of a client (RFC 6455 section 5.2), masked with zeros; `length` is what it claims. */
function frame(
  opcode: number,
  payload: Uint8Array = new Uint8Array(),
  { fin = true, length = payload.length } = {},
): Uint8Array {
  const head = new Uint8Array(14);
  const view = new DataView(head.buffer);
  view.setUint8(0, (fin ? 0x80 : 0) | opcode);
  view.setUint8(1, 0x80 | 127);
  view.setBigUint64(2, BigInt(length));
  if (length > 125) return concat(head, payload);
  view.setUint8(1, 0x80 | length);
  return concat(head.subarray(0, 2), new Uint8Array(4), payload);
}

/** Opens a WebSocket that reads and answers nothing by itself. */
async function open({ web }: Site): Promise<Deno.TcpConn> {
  const conn = await visit(web.port);
  const headers = [
    "Host: a",
    "Connection: upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  await send(conn, `GET / HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
  const said = new Uint8Array(1000);
  let length = 0;
  const decoder = new TextDecoder();
  while (!decoder.decode(said.subarray(0, length)).includes("\r\n\r\n")) {
    const n = await conn.read(said.subarray(length));
    assert(n, "the handshake is not answered");
    length += n;
  }
  return conn;
}

/** Sends it again and again until the connection ends; returns how many bytes that took. */
async function flood(conn: Deno.Conn, data: Uint8Array): Promise<number> {
  let sent = 0;
  try {
    for (;;) sent += await conn.write(data);
  } catch (error) {
    const ends = [Deno.errors.BrokenPipe, Deno.errors.ConnectionReset];
    if (!ends.some((end) => error instanceof end)) throw error;
  }
  return sent;
}

/** A site of one WebSocket, and how that ends. */
async function startSocketSite(
  options: UpgradeWebSocketOptions,
  onOpen: (socket: WebSocket) => void = () => {},
): Promise<{ site: Site; closed: Promise<CloseEvent> }> {
  const closed = Promise.withResolvers<CloseEvent>();
  const site = await startSite((_, info) => {
    const { socket, response } = info.upgradeWebSocket(options);
    socket.onopen = () => onOpen(socket);
    socket.onclose = closed.resolve;
    return response;
  });
  return { site, closed: closed.promise };
}

serverTest("sshd", "serve() makes WebSockets of requests", async () => {
  const closed = Promise.withResolvers<CloseEvent>();
  const completed = Promise.withResolvers<void>();
  await using site = await startSite((_, info) => {
    info.completed.then(completed.resolve, completed.reject);
    const { socket, response } = info.upgradeWebSocket({
      protocol: "echo",
      maxMessageBytes: 1000,
    });
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(`hello, ${socket.protocol}`);
    socket.onmessage = ({ data }) => socket.send(data);
    socket.addEventListener("close", closed.resolve);
    return response;
  });
  const url = site.url.replace("http", "ws");
  const socket = new WebSocket(url, ["other", "echo"]);
  socket.binaryType = "arraybuffer";
  const received: unknown[] = [];
  const all = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    const { length } = received;
    received.push(typeof data === "string" ? data : new Uint8Array(data));
    if (length === 0) socket.send("héllo");
    if (length === 1) socket.send(new Uint8Array([0, 1, 255]));
    if (length === 2) all.resolve();
  };
  await all.promise;
  assertEquals(received, [
    "hello, echo",
    "héllo",
    new Uint8Array([0, 1, 255]),
  ]);
  await completed.promise;
  socket.close(4001, "enough");
  const { code, reason, wasClean } = await closed.promise;
  assertEquals([code, reason, wasClean], [4001, "enough", true]);

  const tooMuch = new WebSocket(url, "echo");
  const end = Promise.withResolvers<CloseEvent>();
  tooMuch.onopen = () => tooMuch.send("x".repeat(1001));
  tooMuch.onclose = end.resolve;
  assertEquals((await end.promise).code, 1009);

  // What asks for none gets the error of the handler.
  const plain = await fetch(site.url);
  assertEquals([plain.status, await plain.text()], [
    500,
    "Internal Server Error\n",
  ]);
});

serverTest(
  "sshd",
  "serve() closes a WebSocket whose handler throws, and passes on the error",
  async () => {
    const errors: unknown[] = [];
    await using site = await startSite((_, info) => {
      info.upgradeWebSocket();
      throw new Error("after the upgrade");
    }, {
      onError: (error) => {
        errors.push(error);
        return new Response("not sent");
      },
    });
    const socket = new WebSocket(site.url.replace("http", "ws"));
    const { code } = await new Promise<CloseEvent>((resolve) =>
      socket.onclose = resolve
    );
    assertEquals(code, 1011);
    assertEquals(errors.map(String), ["Error: after the upgrade"]);
  },
);

serverTest(
  "sshd",
  "serve() ends a WebSocket whose client sends pings without end and reads nothing",
  async () => {
    const { site, closed } = await startSocketSite({});
    await using _site = site;
    using conn = await open(site);
    const pings = concat(...Array(50).fill(frame(PING)));
    const sent = await within(20_000, "the end", flood(conn, pings));
    assertEquals((await closed).code, 1006);
    // Each is answered with as much, which the sockets on the way hold at most.
    assert(sent < 64 * 1024 ** 2, `${sent} bytes were read`);
  },
);

serverTest(
  "sshd",
  "serve() closes a WebSocket for messages that are too large, before it has them",
  async () => {
    const many = new Uint8Array(1);
    const cases: [number, Uint8Array][] = [
      [1009, frame(BINARY, many, { length: 1024 ** 3 })],
      [1009, frame(TEXT, many, { length: 2 ** 52 })],
      [
        1009,
        concat(
          frame(BINARY, new Uint8Array(600), { fin: false }),
          frame(CONTINUED, new Uint8Array(600), { fin: false }),
        ),
      ],
      [
        1008,
        concat(
          frame(BINARY, many, { fin: false }),
          ...Array(16 * 1024).fill(frame(CONTINUED, undefined, { fin: false })),
        ),
      ],
    ];
    await Promise.all(cases.map(async ([code, data]) => {
      const { site, closed } = await startSocketSite({
        maxMessageBytes: 1000,
        idleTimeoutMs: 1000,
      });
      await using _site = site;
      using conn = await open(site);
      await send(conn, data);
      const answer = new Uint8Array(100);
      const n = await conn.read(answer);
      assertEquals(answer[0], 0x80 | CLOSE);
      assertEquals(
        new DataView(answer.buffer, 2, (n ?? 0) - 2).getUint16(0),
        code,
      );
      // It does not answer: what it says later is ignored, and the connection ends.
      await within(10_000, "the end", flood(conn, frame(TEXT, many)));
      await closed;
    }));
  },
);

serverTest(
  "sshd",
  "serve() ends a WebSocket whose client takes nothing of what it is sent",
  async () => {
    const { site, closed } = await startSocketSite(
      { idleTimeoutMs: 200 },
      (socket) => {
        for (let i = 0; i < 256; i++) socket.send(new Uint8Array(64 * 1024));
      },
    );
    await using _site = site;
    using conn = await open(site);
    // It shows signs of life meanwhile.
    const pinging = setInterval(
      () => send(conn, frame(PING)).catch(() => clearInterval(pinging)),
      50,
    );
    const { code, wasClean } = await within(10_000, "the end", closed);
    clearInterval(pinging);
    assertEquals([code, wasClean], [1006, false]);
  },
);

serverTest(
  "sshd",
  "serve() ends a WebSocket whose client does not answer a close",
  async () => {
    const { site, closed } = await startSocketSite(
      { idleTimeoutMs: 200 },
      (socket) => socket.close(4000, "enough"),
    );
    await using _site = site;
    using conn = await open(site);
    const pinging = setInterval(
      () => send(conn, frame(PING)).catch(() => clearInterval(pinging)),
      50,
    );
    const { code } = await within(10_000, "the end", closed);
    clearInterval(pinging);
    assertEquals(code, 1006);
  },
);

serverTest(
  "sshd",
  "info.upgradeWebSocket() refuses a size that npm:ws takes for no limit",
  async () => {
    const sizes = [0, -1, 1.5, NaN, 2 ** 31, 2 ** 32];
    const codes: unknown[] = [];
    await using site = await startSite((_, info) => {
      for (const maxMessageBytes of sizes) {
        try {
          info.upgradeWebSocket({ maxMessageBytes });
        } catch (error) {
          codes.push((error as ArgumentError).code);
        }
      }
      return info.upgradeWebSocket().response;
    });
    using _conn = await open(site);
    assertEquals(codes, sizes.map(() => "invalid-argument"));
  },
);
