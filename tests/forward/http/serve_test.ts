import { Hono } from "hono";
import { type FetchTarget, forward, serve } from "../../../mod.ts";
import { silentLogger } from "../../../src/logger.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { isRefused, receiveText, send, startRig, visit } from "../rig.ts";
import { bytes, startSite } from "./site.ts";

/** A client whose connections end with the test. */
function startClient(): Deno.HttpClient {
  return Deno.createHttpClient({ poolIdleTimeout: 60_000 });
}

async function sizeOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of stream) size += chunk.length;
  return size;
}

serverTest(
  "sshd",
  "serve() answers with a Hono app over one connection, and many at once",
  async () => {
    const app = new Hono<{ Bindings: { remoteAddr: Deno.NetAddr } }>();
    app.get("/hello/:name", (c) => c.text(`hello ${c.req.param("name")}`));
    app.get("/who", (c) => c.json(c.env.remoteAddr));
    app.post("/size", async (c) => c.text(`${await sizeOf(c.req.raw.body!)}`));
    let connections = 0;
    await using site = await startSite(
      (request, info) => app.fetch(request, { remoteAddr: info.remoteAddr }),
      { onConnection: () => connections++ },
    );
    using client = startClient();
    for (let i = 0; i < 1000; i++) {
      const response = await fetch(`${site.url}/hello/${i}`, { client });
      assertEquals(await response.text(), `hello ${i}`);
    }
    assert(connections <= 2, `${connections} connections`); // fetch may open a spare one

    using visitor = await visit(site.web.port);
    await send(visitor, "GET /who HTTP/1.0\r\n\r\n");
    assertMatch(
      await receiveText(visitor),
      RegExp(`"hostname":"127.0.0.1","port":${visitor.localAddr.port}`),
    );

    const upload = await fetch(`${site.url}/size`, {
      client,
      method: "POST",
      body: bytes(3_000_000),
    });
    assertEquals(await upload.text(), "3000000");
    const missing = await fetch(`${site.url}/missing`, { client });
    assertEquals(missing.status, 404);
    await missing.body?.cancel();

    const all = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const response = await fetch(`${site.url}/hello/${i}`, { client });
        return await response.text();
      }),
    );
    assertEquals(all, Array.from({ length: 100 }, (_, i) => `hello ${i}`));
  },
);

serverTest(
  "sshd",
  "serve() reads and writes bodies no faster than the other side does",
  async () => {
    let made = 0;
    const read = Promise.withResolvers<void>();
    await using site = await startSite(async (request) => {
      if (request.method === "POST") {
        await read.promise;
        return new Response(`${await sizeOf(request.body!)}`);
      }
      return new Response(
        bytes(64 * 1024 * 1024).pipeThrough(
          new TransformStream({
            transform(chunk, controller) {
              made += chunk.length;
              controller.enqueue(chunk);
            },
          }),
        ),
      );
    });
    using client = startClient();
    const response = await fetch(site.url, { client });
    const reader = response.body!.getReader();
    let got = (await reader.read()).value!.length;
    // What is on the way has a bound: windows and sockets, not the body.
    let before = -1;
    while (before !== made) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert(made < 32 * 1024 * 1024, `${made} bytes were made ahead`);
    for (;;) {
      const { value } = await reader.read();
      if (!value) break;
      got += value.length;
    }
    assertEquals([got, made], [64 * 1024 * 1024, 64 * 1024 * 1024]);

    let sent = 0;
    const body = bytes(64 * 1024 * 1024).pipeThrough(
      new TransformStream({
        transform(chunk, controller) {
          sent += chunk.length;
          controller.enqueue(chunk);
        },
      }),
    );
    const upload = fetch(site.url, { client, method: "POST", body });
    before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert(sent < 32 * 1024 * 1024, `${sent} bytes were read ahead`);
    read.resolve();
    assertEquals(await (await upload).text(), `${64 * 1024 * 1024}`);
  },
);

serverTest(
  "sshd",
  "serve() streams events as they happen, and aborts the request's signal when the client disconnects",
  async () => {
    const gone = Promise.withResolvers<string>();
    const next = new EventTarget();
    await using site = await startSite((request, info) => {
      request.signal.addEventListener(
        "abort",
        () => info.completed.catch((error) => gone.resolve(error.name)),
      );
      let n = 0;
      const events = new ReadableStream<string>({
        start: (controller) =>
          next.addEventListener(
            "tick",
            () => controller.enqueue(`data: ${++n}\n\n`),
          ),
      });
      return new Response(events.pipeThrough(new TextEncoderStream()), {
        headers: { "content-type": "text/event-stream" },
      });
    });
    const end = new AbortController();
    const response = await fetch(site.url, { signal: end.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream())
      .getReader();
    for (const n of [1, 2, 3]) {
      next.dispatchEvent(new Event("tick"));
      assertEquals((await reader.read()).value, `data: ${n}\n\n`);
    }
    end.abort();
    await assertRejects(() => reader.read(), DOMException);
    // sshd notices it when it has to write, for the second time at the latest.
    const ticking = setInterval(() => next.dispatchEvent(new Event("tick")), 5);
    assertEquals(await gone.promise, "Interrupted");
    clearInterval(ticking);
  },
);

serverTest(
  "sshd",
  "serve().shutdown() lets requests finish, and ends what is idle",
  async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<CloseEvent>();
    await using site = await startSite(async (request, info) => {
      if (request.url.endsWith("/socket")) {
        const { socket, response } = info.upgradeWebSocket();
        socket.onclose = closed.resolve;
        return response;
      }
      if (request.url.endsWith("/slow")) {
        begun.resolve();
        await go.promise;
      }
      return new Response("whole");
    });
    using client = startClient();
    using other = startClient();
    const idle = await fetch(site.url, { client: other });
    assertEquals(await idle.text(), "whole");
    const socket = new WebSocket(`${site.url.replace("http", "ws")}/socket`);
    await new Promise((resolve) => socket.onopen = resolve);
    const slow = fetch(`${site.url}/slow`, { client });
    await begun.promise;
    const shutdown = site.web.shutdown();
    assertEquals((await closed.promise).code, 1001);
    assert(await isRefused(site.web.port));
    go.resolve();
    assertEquals(await (await slow).text(), "whole");
    await shutdown;
    await site.web.finished;
    assertEquals(site.web.tunnel.connections.size, 0);
  },
);

serverTest(
  "sshd",
  "serve() treats a response that cannot be sent as if its handler had thrown",
  async () => {
    const errors: unknown[] = [];
    await using site = await startSite(async (request) => {
      const response = new Response("text");
      switch (new URL(request.url).pathname) {
        case "/locked":
          response.body!.getReader();
          return response;
        case "/used":
          await response.text();
          return response;
        default:
          return Response.error();
      }
    }, {
      onError: (error) => {
        errors.push(error);
        return new Response("sorry", { status: 503 });
      },
    });
    using client = startClient();
    for (const path of ["locked", "used", "error"]) {
      const response = await fetch(`${site.url}/${path}`, { client });
      assertEquals([response.status, await response.text()], [503, "sorry"]);
    }
    assertEquals(errors.map((error) => error instanceof TypeError), [
      true,
      true,
      true,
    ]);
  },
);

serverTest(
  "sshd",
  "target: { fetch } answers on a Unix socket of the server",
  async () => {
    await using rig = await startRig("sshd");
    const path = `${rig.server.dir}/web.sock`;
    await using _tunnel = await forward(rig.connection, {
      bind: { path },
      target: {
        fetch: (_, { remoteAddr, localAddr }) =>
          Response.json([remoteAddr, localAddr]),
      },
    });
    using client = Deno.createHttpClient({
      proxy: { transport: "unix", path },
    });
    const response = await fetch("http://localhost/", { client });
    assertEquals(await response.json(), [
      { transport: "unix", path: "" },
      { transport: "unix", path },
    ]);
  },
);

serverTest(
  "sshd",
  "serve() goes on if onListen throws, as with every callback",
  async () => {
    await using rig = await startRig("sshd");
    const logged: unknown[] = [];
    await using web = await serve(rig.connection, {
      port: 0,
      logger: { ...silentLogger, error: (...args) => logged.push(...args) },
      onListen() {
        throw new Error("as was asked");
      },
    }, () => new Response("hi"));
    assertMatch(`${logged}`, /onListen threw,Error: as was asked/);
    const response = await fetch(`http://127.0.0.1:${web.port}/`);
    assertEquals(await response.text(), "hi");
  },
);

serverTest(
  "sshd",
  "a target that is an app is asked by its fetch alone, whatever its onError is for",
  async () => {
    await using rig = await startRig("sshd");
    const app = new Hono();
    app.get("/text", () => {
      throw "text"; // which Hono throws on
    });
    app.get("/error", () => {
      throw new Error("as was asked");
    });
    app.onError(({ message }, c) => c.text(message, 418));
    const target = app as unknown as FetchTarget;
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target,
    });
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${tunnel.port}${path}`);
      return [response.status, await response.text()];
    };
    assertEquals((await ask("/text"))[0], 500);
    assertEquals(await ask("/error"), [418, "as was asked"]);
  },
);

Deno.test("the package loads what speaks HTTP, SOCKS or the PROXY protocol only once it is needed", async () => {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL("../../../mod.ts", import.meta.url).href],
    stdout: "piped",
    stderr: "null",
  }).output();
  interface Module {
    specifier: string;
    dependencies?: {
      specifier: string;
      isDynamic?: boolean;
      code?: { specifier?: string };
    }[];
  }
  const { modules, roots } = JSON.parse(
    new TextDecoder().decode(output.stdout),
  ) as { modules: Module[]; roots: string[] };
  const graph = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set<string>();
  const visitModule = (specifier: string) => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    for (const it of graph.get(specifier)?.dependencies ?? []) {
      if (!it.isDynamic && it.code?.specifier) visitModule(it.code.specifier);
    }
  };
  roots.forEach(visitModule);
  assert(loaded.size > 100, `${loaded.size} modules`);
  const http = [...loaded].filter((it) =>
    /node:http|npm:\/?(ws|hono)|http_server|serve_socks|proxy_header/.test(
      it,
    )
  );
  assertEquals(http, []);
});
