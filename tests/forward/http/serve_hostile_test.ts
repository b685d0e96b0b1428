/** serve() with clients that are slow, send nonsense or do not read, and with handlers that throw; on a real sshd. */
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { ask, receiveText, send, visit } from "../rig.ts";
import { bytes, startSite } from "./site.ts";

serverTest(
  "sshd",
  "serve() ends clients that are slow, idle, too large or not HTTP",
  async () => {
    const handler = async (request: Request) =>
      new Response(await request.text());
    await using site = await startSite(handler, { maxHeaderBytes: 2048 });
    await using impatient = await startSite(handler, {
      headerTimeoutMs: 300,
      idleTimeoutMs: 1500,
    });
    async function answerTo(
      text: string,
      { port } = site.web,
      drip?: string,
    ): Promise<string> {
      using conn = await visit(port);
      await send(conn, text);
      const timer = setInterval(() => {
        if (drip) send(conn, drip).catch(() => clearInterval(timer));
      }, 50);
      try {
        return (await receiveText(conn)).split("\r\n")[0]!;
      } finally {
        clearInterval(timer);
      }
    }
    const head = "GET / HTTP/1.1\r\nHost: a\r\n";
    const [slowLoris, idle, halfBody, large, tls, ...bad] = await Promise.all([
      answerTo(head, impatient.web, "X: y\r\n"),
      answerTo("", impatient.web),
      answerTo(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
        impatient.web,
      ),
      answerTo(`${head}X: ${"y".repeat(3000)}\r\n\r\n`),
      answerTo("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
      answerTo("GET / HTTP/1.1\r\n\r\n"),
      answerTo(`${head}Connection: close\r\nHost: b\r\n\r\n`),
      answerTo(`${head.replace("a", "a/b?c#d@e")}Connection: close\r\n\r\n`),
      answerTo(`${head}X: a\0b\r\n\r\n`),
      answerTo(`${head}X: \x1b[31m\r\n\r\n`),
      answerTo(`${head}X: a\n\nY: b\r\n\r\n`),
      answerTo(`${head}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`),
      ...[
        // What one server takes for a body, and another one for a request.
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: 3, 3\r\n\r\nabc",
        "X: a\r\n Content-Length: 3\r\n\r\nabc",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ...["-3", "0x3", "3 ", "f".repeat(17)].map((size) =>
          `Transfer-Encoding: chunked\r\n\r\n${size}\r\nabc\r\n0\r\n\r\n`
        ),
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
      ].map((rest) => answerTo(`${head.replace("GET", "POST")}${rest}`)),
    ]);
    assertMatch(slowLoris, / 408 /);
    assertEquals([idle, halfBody], ["", ""]);
    assertMatch(large, / 431 /);
    for (const line of [tls, ...bad]) assertMatch(line, / 400 /);
    const method = await answerTo(
      "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    );
    assertMatch(method, / 405 /);
    // It continues to serve others.
    assertMatch(await answerTo(`${head}Connection: close\r\n\r\n`), / 200 /);
  },
);

serverTest(
  "sshd",
  "serve() makes nothing for clients that do not read",
  async () => {
    const cancelled = Promise.withResolvers<void>();
    const chunk = new Uint8Array(64 * 1024);
    await using site = await startSite(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(chunk),
            cancel: () => cancelled.resolve(),
          }),
        ),
      { idleTimeoutMs: 200 },
    );
    using conn = await visit(site.web.port);
    await send(conn, "GET / HTTP/1.0\r\n\r\n");
    await cancelled.promise;
  },
);

serverTest(
  "sshd",
  "serve() answers requests of a client one after the other",
  async () => {
    let running = 0;
    let most = 0;
    await using site = await startSite(async (request) => {
      most = Math.max(most, ++running);
      const text = await request.text();
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      return new Response(`<${new URL(request.url).pathname}${text}>`);
    });
    using conn = await visit(site.web.port);
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    const head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
    await send(
      conn,
      paths.map((path) => `PUT ${path} ${head}??`).join(""),
    );
    await conn.closeWrite();
    const said = await receiveText(conn);
    assertEquals(said.match(/<.*>/g), paths.map((path) => `<${path}??>`));
    assertEquals(most, 1);
  },
);

serverTest(
  "sshd",
  "serve() ends a request whose client disconnects in the middle of its body",
  async () => {
    for (const length of ["Content-Length: 9", "Transfer-Encoding: chunked"]) {
      const begun = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<string>();
      await using site = await startSite(async (request) => {
        begun.resolve();
        await request.text().then(ended.resolve, () => ended.resolve("failed"));
        return new Response();
      });
      const conn = await visit(site.web.port);
      await send(conn, `POST / HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n9\r\n`);
      await begun.promise;
      conn.close();
      assertEquals(await within(10_000, "the end", ended.promise), "failed");
    }
  },
);

serverTest(
  "sshd",
  "serve() does not log that a client has disconnected in the middle of its body",
  async () => {
    const logged: string[] = [];
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const quiet = { debug() {}, info() {}, warn() {} };
    await using site = await startSite((request, info) => {
      info.completed.catch(() => ended.resolve());
      begun.resolve();
      return new Response(request.body);
    }, { logger: { ...quiet, error: (message) => logged.push(message) } });
    const conn = await visit(site.web.port);
    await send(
      conn,
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    );
    await begun.promise;
    conn.close();
    await ended.promise;
    await site.web.shutdown();
    assertEquals(logged, []);
  },
);

serverTest("sshd", "serve() takes a hundred headers, and no more", async () => {
  await using site = await startSite((request) =>
    new Response(`${[...request.headers].length} headers`)
  );
  const withHeaders = (count: number) => {
    const headers = Array.from({ length: count }, (_, i) => `${i}:\r\n`).join(
      "",
    );
    return ask(site.web.port, `GET / HTTP/1.0\r\n${headers}\r\n`);
  };
  assertMatch(await withHeaders(100), /\r\n100 headers$/);
  assertMatch(await withHeaders(101), /^HTTP\/1.1 431 /);
  assertMatch(await withHeaders(2500), /^HTTP\/1.1 431 /);
});

serverTest("sshd", "serve() takes hostile headers as data", async () => {
  await using site = await startSite((request) =>
    Response.json({ url: request.url, headers: [...request.headers] })
  );
  const headers = [
    "Host: example.com:80",
    "__proto__: polluted",
    "constructor: x",
    'X-Html: <script>alert("1")</script>',
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: https",
    "X-Same: 1",
    "X-Same: 2",
    "Connection: close",
  ];
  const said = await ask(
    site.web.port,
    `GET //evil.example/../a?b=%00 HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`,
  );
  assertMatch(said, /^HTTP\/1.1 200 /);
  const json = said.slice(said.indexOf("{"), said.lastIndexOf("}") + 1);
  const seen = JSON.parse(json) as { url: string; headers: string[][] };
  assertEquals(seen.url, "http://example.com//a?b=%00");
  assertEquals(
    seen.headers.filter(([name]) => /proto|constr|html|same/.test(name!)),
    [
      ["__proto__", "polluted"],
      ["constructor", "x"],
      ["x-forwarded-proto", "https"],
      ["x-html", '<script>alert("1")</script>'],
      ["x-same", "1, 2"],
    ],
  );
  assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
});

serverTest(
  "sshd",
  "serve() gives handlers genuine requests, and survives those that throw",
  async () => {
    const errors: unknown[] = [];
    await using site = await startSite(async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/nothing") return undefined as unknown as Response;
      if (pathname === "/throw") throw new Error("on purpose");
      if (pathname === "/broken") {
        return new Response(
          new ReadableStream({ pull: (c) => c.error(new Error("on purpose")) }),
        );
      }
      const copy = new Request(request.clone(), { headers: { a: "b" } });
      const { href } = new URL("/again", request.url);
      if (pathname === "/proxy") return await fetch(href, request);
      return new Response(`${copy.headers.get("a")}${await copy.text()}`);
    }, {
      onError: (error) => {
        errors.push(error);
        return new Response("mine", { status: 503 });
      },
    });
    const proxied = await fetch(`${site.url}/proxy`, {
      method: "PUT",
      body: bytes(100_000).pipeThrough(
        new TransformStream({
          transform: (chunk, c) => c.enqueue(chunk.fill(97)),
        }),
      ),
    });
    assertEquals((await proxied.text()).length, 100_001);
    for (const path of ["/throw", "/nothing"]) {
      const response = await fetch(`${site.url}${path}`);
      assertEquals([response.status, await response.text()], [503, "mine"]);
    }
    assertEquals(errors.length, 2);
    await assertRejects(
      async () => await (await fetch(`${site.url}/broken`)).text(),
      TypeError,
    );
    assertEquals(await (await fetch(site.url)).text(), "b");
  },
);
