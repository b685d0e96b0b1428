import { ArgumentError } from "../../../src/errors.ts";
import { serveStatus } from "../../../src/cli/status/serve_status.ts";
import { StatusModel } from "../../../src/cli/status/status_model.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { FakeClock } from "../report/fake_clock.ts";
import { connectionOf, snapshotOf, tunnelOf } from "../report/scene.ts";

/** A status page, what was asked of it, and raw requests: fetch() has no say about Host. */
async function startPage() {
  const model = new StatusModel("server", () => snapshotOf());
  const done: string[] = [];
  const act = (name: string) => (tunnel: number) => {
    if (tunnel !== 0) throw new ArgumentError("tunnel", "out of range");
    done.push(`${name} ${tunnel}`);
  };
  const server = await serveStatus({
    address: { hostname: "127.0.0.1", port: 0 },
    model,
    actions: { pause: act("pause"), resume: act("resume") },
    token: "s3cret",
  });
  const { port } = server.addr;
  return {
    done,
    model,
    port,
    async ask(
      line: string,
      headers: Record<string, string> = {},
      body = "",
    ): Promise<string> {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      const all = {
        host: `127.0.0.1:${port}`,
        connection: "close",
        ...body && { "content-length": `${body.length}` },
        ...headers,
      };
      const head = Object.entries(all).map(([name, value]) =>
        `${name}: ${value}\r\n`
      );
      const text = `${line} HTTP/1.1\r\n${head.join("")}\r\n${body}`;
      await conn.write(new TextEncoder().encode(text));
      return await new Response(conn.readable).text();
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      model[Symbol.dispose]();
    },
  };
}

/** The status of an answer. */
const statusOf = (answer: string) => Number(answer.split(" ")[1]);

Deno.test("the status page is for people at this machine, not for other sites", async () => {
  await using page = await startPage();
  const { port } = page;
  const cases: [number, Record<string, string>][] = [
    [200, {}],
    [200, { host: `localhost:${port}` }],
    [200, { host: `[::1]:${port}` }],
    [200, { "sec-fetch-site": "none" }],
    [200, { origin: `http://127.0.0.1:${port}` }],
    [403, { host: `evil.example:${port}` }],
    [403, { host: "" }],
    [403, { host: `127.0.0.1.evil.example:${port}` }],
    [403, { origin: "http://evil.example" }],
    [403, { origin: "null" }],
    [403, { origin: `http://127.0.0.1:${port + 1}` }],
    [403, { origin: `https://127.0.0.1:${port}` }],
    [403, { "sec-fetch-site": "cross-site" }],
    [403, { "sec-fetch-site": "same-site" }],
  ];
  for (const path of ["/", "/status.json"]) {
    for (const [status, headers] of cases) {
      const answer = await page.ask(`GET ${path}`, headers);
      assertEquals(statusOf(answer), status, JSON.stringify(headers));
      assertMatch(answer, /\r\ncontent-security-policy: default-src 'none'/);
      assert(!/access-control/i.test(answer));
    }
  }
  assertEquals(statusOf(await page.ask("GET /s3cret")), 404);
  assertEquals(statusOf(await page.ask("PUT /")), 405);
});

Deno.test("the status page pauses and resumes for who has the token, and comes from the page", async () => {
  await using page = await startPage();
  const origin = `http://127.0.0.1:${page.port}`;
  const authorization = "Bearer s3cret";
  const good = { origin, authorization };
  assertEquals(statusOf(await page.ask("POST /pause", good, "0")), 200);
  assertEquals(statusOf(await page.ask("POST /resume", good, "0")), 200);
  const done = [...page.done];
  assertEquals(done, ["pause 0", "resume 0"]);
  const wrong: [number, string, Record<string, string>, string][] = [
    [401, "POST /pause", { origin }, "0"],
    [401, "POST /pause", { origin, authorization: "Bearer wrong" }, "0"],
    [401, "POST /pause?token=s3cret", { origin }, "0"],
    [403, "POST /pause", { authorization }, "0"],
    [403, "POST /pause", { authorization, origin: "http://a.example" }, "0"],
    [403, "POST /pause", { ...good, host: "a.example" }, "0"],
    [405, "GET /pause", good, ""],
    [400, "POST /pause", good, "1"],
    [400, "POST /pause", good, "x"],
    [400, "POST /pause", good, ""],
    [400, "POST /pause", good, "\n"],
    [400, "POST /pause", good, "0x0"],
    [400, "POST /pause", good, "-0"],
    [400, "POST /pause", good, "0".repeat(100_000)],
  ];
  for (const [status, line, headers, body] of wrong) {
    const answer = await page.ask(line, headers, body);
    assertEquals(statusOf(answer), status, `${line} ${body.slice(0, 9)}`);
  }
  assertEquals(page.done, done);
});

Deno.test("statusModel.read() has what is live, what happened, and the rates", () => {
  const clock = new FakeClock();
  let bytesToTarget = 1000;
  using model = new StatusModel(
    "server",
    () => snapshotOf({ tunnels: [tunnelOf({ bytesToTarget })] }),
    clock,
  );
  const address = "\x1b[2J<b>evil</b>\u202e";
  const { connection } = connectionOf({ address, bytesToTarget: 7 });
  model.record({ type: "opened", tunnel: 0, connection });
  for (let i = 0; i < 70; i++) model.record({ type: "slept", ms: i * 1000 });
  clock.pass(1000);
  bytesToTarget += 500;
  clock.pass(1000);
  // deno-lint-ignore no-explicit-any -- it is read as JSON
  const read = (): any => JSON.parse(JSON.stringify(model.read()));
  const now = read();
  assertEquals(now.connections.length, 1);
  assertEquals(now.connections[0].originator, "<b>evil</b>");
  assertEquals(now.connections[0].bytesToTarget, 7);
  assertEquals(now.events.length, 50);
  assertMatch(now.events[0].text, /1 min 9 s/);
  assertEquals(now.tunnels[0].rates.toTarget, [0, 500]);
  model.recordBanner("\x1b[2JStaff only.\n\n<b>evil</b>\u202e\n");
  assertEquals(
    read().events.slice(0, 2).map(({ text }: { text: string }) => text),
    ["server: <b>evil</b>", "server: Staff only."],
  );
  model.recordBanner("x\n".repeat(10_000));
  assertEquals(read().events.length, 50);
  model.record({ type: "closed", tunnel: 0, connection, ms: 1 });
  assertEquals(read().live, 0);
});

Deno.test("who sends half a request to the status page does not hold up the end", async () => {
  const conns: Deno.Conn[] = [];
  {
    await using page = await startPage();
    const { port } = page;
    const head = [
      "POST /pause HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      `Origin: http://127.0.0.1:${port}`,
      "Authorization: Bearer s3cret",
      "Content-Length: 99",
      ...["", "0"],
    ].join("\r\n");
    for (const text of [head, "GET /stat", head.slice(0, 30)]) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      conns.push(conn);
      await conn.write(new TextEncoder().encode(text));
    }
    assertEquals(statusOf(await page.ask("GET /")), 200);
  }
  for (const conn of conns) conn.close();
});
