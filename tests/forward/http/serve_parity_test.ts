/** serve() on a real sshd answers as Deno.serve does, to the byte where a client can tell, and where it does not, for a reason. */
import type { FetchHandler } from "../../../mod.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { receiveText, send, visit } from "../rig.ts";
import { bytes, startSite } from "./site.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Waits until what is there of a body was sent. Timers that are late fire together: only the second is certainly a turn later. */
async function nextTurn(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A body of two chunks, with time between them, which begins once the first is read. */
function slowBody(): ReadableStream<Uint8Array> {
  let isFirst = true;
  return new ReadableStream({
    async pull(controller) {
      if (isFirst) {
        isFirst = false;
        return controller.enqueue(encode("one, "));
      }
      await nextTurn();
      controller.enqueue(encode("two"));
      controller.close();
    },
  }, { highWaterMark: 0 });
}

const answers: Record<string, (request: Request) => BodyInit | Response> = {
  "/text": () => "text",
  "/large": () => "x".repeat(200_000),
  "/slow": slowBody,
  "/empty": () => new Response(null),
  "/no-content": () => new Response(null, { status: 204 }),
  "/not-modified": () =>
    new Response(null, { status: 304, headers: { etag: "x" } }),
  "/redirect": () => Response.redirect("http://a.example/b"),
  "/not-found": () => new Response("nothing here", { status: 404 }),
  "/wrong-length": () =>
    new Response("six ch", { headers: { "content-length": "3" } }),
  "/cookies": () =>
    new Response("c", { headers: [["set-cookie", "a"], ["set-cookie", "b"]] }),
  "/throw": () => {
    throw new Error("on purpose");
  },
  "/url": ({ url }) => url.replace(/:\d{4,}/, ":PORT"),
  "/unread": () => "not read",
  "/echo": ({ body }) => new Response(body),
};

const handler: FetchHandler = async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/read") return new Response(await request.text());
  const answer = (answers[pathname] ?? answers["/url"]!)(request);
  return answer instanceof Response ? answer : new Response(answer);
};

/** What is left of the answers to a conversation that the client ends by `Connection: close`, or HTTP/1.0. */
async function talk(port: number, said: string): Promise<string[]> {
  using conn = await visit(port);
  await send(conn, said);
  return (await receiveText(conn)).split(/(?=HTTP\/1\.\d )/).map((answer) => {
    const [, head = "", body = ""] = /^(.*?)\r\n\r\n(.*)$/s.exec(answer) ?? [];
    const [status = "", ...headers] = head.split("\r\n");
    return [
      status.replace(/^HTTP\/1\.\d /, ""),
      // The rest of them is about the connection, and differs.
      ...headers.map((it) => it.toLowerCase())
        .filter((it) => !/^(date|connection|keep-alive):/.test(it)).toSorted(),
      body,
    ].join("\n");
  });
}

const get = (path: string, method = "GET", more = "") =>
  `${method} ${path} HTTP/1.1\r\nHost: a.example\r\n${more}`;
const last = "Connection: close\r\n\r\n";

serverTest("sshd", "serve() answers as Deno.serve does", async () => {
  await using site = await startSite(handler);
  await using deno = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError: () => new Response("Internal Server Error\n", { status: 500 }),
  }, handler as Deno.ServeHandler);
  const chunked = "Transfer-Encoding: chunked\r\n";
  const cases = [
    ...Object.keys(answers).flatMap((path) =>
      ["GET", "HEAD"].map((method) => get(path, method) + last)
    ),
    // Two that do not wait for each other, the first of them slow.
    get("/slow") + "\r\n" + get("/text") + last,
    get("/read", "POST", "Content-Length: 3\r\n") + last + "abc",
    get("/read", "POST", "Expect: 100-continue\r\nContent-Length: 3\r\n") +
    last + "abc",
    get("/read", "POST", "Expect: nothing\r\nContent-Length: 3\r\n") + last +
    "abc",
    get("/read", "PUT", chunked) + last + "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
    get("/read", "DELETE", "Content-Length: 3\r\n") + last + "abc",
    get("/unread", "POST", "Content-Length: 3\r\n") + "\r\nabc" +
    get("/text") + last,
    get("/read", "GET", "Content-Length: 3\r\n") + "\r\nabc" +
    get("/text") + last,
    get("*", "OPTIONS") + last,
    get("http://b.example/url") + last,
    get("/url#fragment?query") + last,
    "GET /url HTTP/1.1\r\nHost: [::1]:8080\r\n" + last,
    "GET /text HTTP/1.0\r\n\r\n",
    "GET /url HTTP/1.0\r\n\r\n",
    "GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" +
    "GET /text HTTP/1.0\r\n\r\n",
    "\r\n\r\n" + get("/text") + last,
    get("/text", "GET", "Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"),
  ];
  for (const said of cases) {
    const [ours, theirs] = await within(
      10_000,
      said,
      Promise.all([site.web.port, deno.addr.port].map((it) => talk(it, said))),
    );
    assertEquals(ours, theirs, said);
  }
});

serverTest(
  "sshd",
  "serve() passes on what fetch() has decoded as Deno.serve does",
  async () => {
    const text = "x".repeat(100_000);
    const encoded = await new Response(
      new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")),
    ).bytes();
    await using origin = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      ({ url }) =>
        new Response(encoded, {
          headers: {
            "content-encoding": url.endsWith("/gzip") ? "gzip" : "x-own",
            "content-length": `${encoded.length}`,
          },
        }),
    );
    const pass: FetchHandler = ({ url }) =>
      fetch(`http://127.0.0.1:${origin.addr.port}${new URL(url).pathname}`);
    await using site = await startSite(pass);
    await using deno = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      pass as Deno.ServeHandler,
    );
    for (
      const [path, encoding, size] of [
        ["/gzip", null, text.length],
        ["/own", "x-own", encoded.length],
      ]
    ) {
      for (const { port } of [site.web, deno.addr]) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`);
        assertEquals(response.headers.get("content-encoding"), encoding);
        assertEquals((await response.bytes()).length, size);
      }
    }
  },
);

serverTest(
  "sshd",
  "serve() skips what a handler has not read of a body, and answers what comes after it",
  async () => {
    await using site = await startSite(async (request) => {
      const { pathname } = new URL(request.url);
      const reader = request.body?.getReader();
      if (pathname === "/part") await reader?.read();
      if (pathname === "/cancel") await reader?.cancel();
      return new Response(`answered ${pathname}`);
    });
    const size = 3_000_000;
    for (const path of ["/none", "/part", "/cancel"]) {
      const said = await within(
        10_000,
        path,
        talk(
          site.web.port,
          get(path, "POST", `Content-Length: ${size}\r\n\r\n`) +
            "x".repeat(size) + get("/next") + last,
        ),
      );
      assertEquals(
        said.map((answer) => answer.split("\n").at(-1)),
        [`answered ${path}`, "answered /next"],
      );
    }
  },
);

serverTest(
  "sshd",
  "serve() asks for a body that waits for 100 Continue once the handler reads it",
  async () => {
    const idleTimeoutMs = 300;
    await using site = await startSite(async (request, info) => {
      // Meanwhile it is not the client that is waited for.
      await new Promise((resolve) => setTimeout(resolve, 1.5 * idleTimeoutMs));
      return await handler(request, info);
    }, { idleTimeoutMs });
    const head = "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    // It is not sent, so the connection has to end.
    using unread = await visit(site.web.port);
    await send(unread, get("/unread", "POST", head));
    const answer = await within(10_000, "the end", receiveText(unread));
    assertMatch(answer, /^HTTP\/1.1 200 OK\r\n/);
    assertMatch(answer, /\r\nConnection: close\r\n/);
    using read = await visit(site.web.port);
    await send(read, get("/read", "POST", head));
    const chunk = new Uint8Array(1000);
    const length = await read.read(chunk);
    assertEquals(
      new TextDecoder().decode(chunk.subarray(0, length!)),
      "HTTP/1.1 100 Continue\r\n\r\n",
    );
    await send(read, "abc");
    await read.closeWrite();
    assertMatch(await receiveText(read), /^HTTP\/1.1 200 OK\r\n.*abc$/s);
  },
);

serverTest(
  "sshd",
  "serve() ends the connection if a body fails or has another length than its headers say, and says so",
  async () => {
    const logged: string[] = [];
    const completed: unknown[] = [];
    const quiet = { debug() {}, info() {}, warn() {} };
    await using site = await startSite((request, info) => {
      info.completed.catch((error) => completed.push(error.name));
      const { pathname } = new URL(request.url);
      if (pathname === "/fails") {
        let isFirst = true;
        return new Response(
          new ReadableStream({
            async pull(controller) {
              if (isFirst) controller.enqueue(encode("ab"));
              else await nextTurn();
              if (!isFirst) controller.error(new Error("on purpose"));
              isFirst = false;
            },
          }),
        );
      }
      const length = pathname === "/short" ? 300_000 : 100_000;
      return new Response(bytes(pathname === "/short" ? 90_000 : 200_000), {
        headers: { "content-length": `${length}` },
      });
    }, {
      logger: {
        ...quiet,
        error: (_: string, error: Error) => logged.push(error.message),
      },
    });
    for (const path of ["/fails", "/short", "/long"]) {
      using conn = await visit(site.web.port);
      await send(conn, get(path) + "\r\n");
      const said = await within(10_000, path, receiveText(conn));
      // What was not sent yet is dropped; a client never takes it for whole.
      const [, body = ""] = said.split("\r\n\r\n");
      assert(!body.endsWith("\r\n0") && body.length < 100_000, path);
    }
    assertEquals(completed, ["Interrupted", "Interrupted", "Interrupted"]);
    assertEquals(logged, [
      "on purpose",
      ...[300_000, 100_000].map((length) =>
        `the body of a response is not of ${length} bytes, as its content-length says`
      ),
    ]);
  },
);

serverTest(
  "sshd",
  "serve() answers requests that ask for another protocol, and ends their connection",
  async () => {
    await using site = await startSite(handler);
    const upgrade = "Connection: Upgrade\r\nUpgrade: h2c\r\n";
    for (const protocol of ["h2c", "websocket"]) {
      using conn = await visit(site.web.port);
      const head = upgrade.replace("h2c", protocol);
      await send(
        conn,
        get("/read", "POST", `${head}Content-Length: 3\r\n\r\n`),
      );
      await send(conn, "abc");
      const said = await within(10_000, protocol, receiveText(conn));
      assertMatch(said, /^HTTP\/1.1 200 .*\r\nabc$/s);
    }
  },
);

serverTest(
  "sshd",
  "serve() frames bodies itself, whatever the headers of a response say",
  async () => {
    await using site = await startSite(() =>
      new Response("six ch", {
        headers: { "content-length": "3", "transfer-encoding": "chunked" },
      })
    );
    assertEquals(await talk(site.web.port, get("/") + last), [
      "200 OK\ncontent-length: 6\ncontent-type: text/plain;charset=utf-8\nsix ch",
    ]);
  },
);

serverTest(
  "sshd",
  "serve() has no response of status 101: a WebSocket comes from info.upgradeWebSocket()",
  async () => {
    const errors: unknown[] = [];
    await using site = await startSite(
      () => new Response(null, { status: 101 }),
      {
        onError: (error) => {
          errors.push(error);
          return new Response("sorry", { status: 503 });
        },
      },
    );
    const response = await fetch(site.url);
    assertEquals([response.status, await response.text()], [503, "sorry"]);
    assertMatch(`${errors}`, /^TypeError: .* info.upgradeWebSocket\(\)$/);
  },
);
