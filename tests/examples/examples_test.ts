/** The examples, run as their first lines say, with exactly the permissions that they name. */
import { connect as connectHttp2, createServer } from "node:http2";
import { assertEquals, assertMatch } from "../assert.ts";
import {
  isRefused,
  receiveText,
  send,
  startEcho,
  visit,
} from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { withFreePort } from "../servers/free_port.ts";
import { startSshd } from "../servers/openssh.ts";
import type { SshServer } from "../servers/ssh_server.ts";
import { type ExampleProcess, startExample } from "./example_process.ts";
import { createHome } from "./create_home.ts";

Deno.test("examples/demo.ts shows every step and ends by itself", async () => {
  await using demo = startExample({
    name: "demo.ts",
    permissions: ["--allow-net=127.0.0.1"],
  });
  assertEquals((await demo.status).code, 0, await demo.output());
  const output = await demo.output();
  for (
    const said of [
      /Blue says hello to \/one/,
      /Green says hello to \/right/,
      /12 bytes to the target, 100000 to the server/,
      /connection refused/,
      /Blue says hello to \/again/,
      /the tunnel ended: closed/,
    ]
  ) assertMatch(output, said);
});

Deno.test("examples/supervise.ts has its port again, and ends by itself", async () => {
  await using example = startExample({
    name: "supervise.ts",
    permissions: ["--allow-net=127.0.0.1"],
  });
  assertEquals((await example.status).code, 0, await example.output());
  const [first, second, ...more] = (await example.output())
    .match(/port \d+ says: hello from here/g) ?? [];
  assertEquals([second, more], [first, []]);
  assertMatch(first ?? "", /port/);
});

/** What examples/forward.ts is called with. */
function forwardOptions(
  server: SshServer,
  bindPort: number,
  targetPort: number,
) {
  return {
    name: "forward.ts",
    permissions: [
      `--allow-net=127.0.0.1:${server.port},127.0.0.1:${targetPort}`,
      `--allow-read=${server.keyFile},${server.knownHostsFile}`,
    ],
    args: [
      ...["--host", server.hostname, "--port", `${server.port}`],
      ...["--user", server.user, "--key", server.keyFile],
      ...["--known-hosts", server.knownHostsFile],
      ...["--bind", `127.0.0.1:${bindPort}`],
      ...["--target", `127.0.0.1:${targetPort}`],
    ],
  };
}

/** The port that an example says it listens on. */
async function listeningPort(example: ExampleProcess): Promise<number> {
  return Number(/port (\d+)/.exec(await example.line(/port \d+/))?.[1]);
}

serverTest(
  "sshd",
  "examples/forward.ts forwards with the permissions that it names, until SIGINT",
  async () => {
    await using server = await startSshd();
    await using echo = startEcho("echo");
    await using example = startExample(forwardOptions(server, 0, echo.port));
    const port = await listeningPort(example);
    using conn = await visit(port);
    await send(conn, "hi");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "echo: hi");
    example.kill("SIGINT");
    assertEquals((await example.status).code, 0, await example.output());
    assertEquals(await isRefused(port), true);
  },
);

serverTest(
  "sshd",
  "examples/forward.ts names the missing permission",
  async () => {
    await using server = await startSshd();
    const options = forwardOptions(server, 0, 9);
    const [net, read] = options.permissions as [string, string];
    const lacking = [
      {
        permissions: [read],
        says: new RegExp(`--allow-net=127.0.0.1:${server.port}`),
      },
      {
        permissions: [net, `--allow-read=${server.knownHostsFile}`],
        says: new RegExp(`--allow-read=${server.keyFile}`),
      },
      {
        permissions: [net, `--allow-read=${server.keyFile}`],
        says: new RegExp(`--allow-read=${server.knownHostsFile}`),
      },
    ];
    for (const { permissions, says } of lacking) {
      await using example = startExample({ ...options, permissions });
      assertEquals((await example.status).code, 1);
      assertMatch(await example.output(), says);
    }
  },
);

serverTest(
  "sshd",
  "examples/forward.ts names the permission missing for the target at the start",
  async () => {
    await using server = await startSshd();
    const options = forwardOptions(server, 0, 9);
    await using example = startExample({
      ...options,
      permissions: [
        `--allow-net=127.0.0.1:${server.port}`,
        ...options.permissions.slice(1),
      ],
    });
    assertMatch(await example.output(), /--allow-net=127\.0\.0\.1:9$/);
    assertEquals((await example.status).code, 1);
  },
);

serverTest(
  "sshd",
  "examples/handler.ts answers in its own process",
  async () => {
    await using server = await startSshd();
    const { home, url, permissions } = await createHome(server);
    await using example = startExample({
      name: "handler.ts",
      permissions,
      args: [url, "0"],
      env: { HOME: home },
    });
    using conn = await visit(await listeningPort(example));
    await send(conn, "hello");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "HELLO");
  },
);

serverTest(
  "sshd",
  "examples/http.ts serves a Hono app, its events and WebSockets, until SIGINT",
  async () => {
    await using server = await startSshd();
    const { home, url, permissions } = await createHome(server);
    await using example = startExample({
      name: "http.ts",
      permissions,
      args: [url, "0"],
      env: { HOME: home },
    });
    const base = (await example.line(/^http:/)).split(" ")[0]!;
    const response = await fetch(new URL("/there", base));
    assertEquals(await response.text(), "You asked for /there\n");
    const { transport } = await (await fetch(new URL("/who", base))).json();
    assertEquals(transport, "tcp");
    const events = await fetch(new URL("/time", base));
    const reader = events.body!.pipeThrough(new TextDecoderStream())
      .getReader();
    assertMatch((await reader.read()).value ?? "", /^data: \d{4}-.*\n\n$/);
    await reader.cancel();
    const socket = new WebSocket(new URL("/echo", base));
    socket.onopen = () => socket.send("hello");
    const { data } = await new Promise<MessageEvent>((resolve) =>
      socket.onmessage = resolve
    );
    assertEquals(data, "hello");
    const closed = new Promise<CloseEvent>((resolve) =>
      socket.onclose = resolve
    );
    example.kill("SIGINT");
    assertEquals((await closed).code, 1001);
    assertEquals((await example.status).code, 0, await example.output());
  },
);

serverTest(
  "sshd",
  "examples/static_folder.ts serves a folder and nothing beside it",
  async () => {
    await using server = await startSshd();
    const { home, url, permissions } = await createHome(server);
    const folder = `${home}/public`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/page.txt`, "a page");
    await Deno.writeTextFile(`${home}/secret.txt`, "a secret");
    await Deno.symlink(`${home}/secret.txt`, `${folder}/link.txt`);
    const [net = "", env = "", read = ""] = permissions;
    await using example = startExample({
      name: "static_folder.ts",
      permissions: [net, env, `${read},${folder}`],
      args: [url, "0", folder],
      env: { HOME: home },
    });
    const base = (await example.line(/^http:/)).split(" ")[0]!;
    const page = await fetch(new URL("/page.txt", base));
    assertEquals(await page.text(), "a page");
    for (const path of ["/..%2fsecret.txt", "/link.txt", "/missing.txt"]) {
      const response = await fetch(`${base.replace(/\/$/, "")}${path}`);
      assertEquals((await response.text()).includes("a secret"), false);
      assertEquals(response.ok, false, path);
    }
  },
);

serverTest(
  "sshd",
  "examples/line_protocol.ts answers line by line",
  async () => {
    await using server = await startSshd();
    const { home, url, permissions } = await createHome(server);
    await using example = startExample({
      name: "line_protocol.ts",
      permissions,
      args: [url, "0"],
      env: { HOME: home },
    });
    const port = await listeningPort(example);
    using conn = await visit(port);
    await send(conn, "SET a b c\nGET a\r\nGET x\nSET\nhuh\nQUIT\n");
    assertEquals(
      await receiveText(conn),
      "OK\nb c\nNONE\nERROR usage: SET key value\nERROR use SET, GET or QUIT\n",
    );
    using flood = await visit(port);
    await send(flood, "x".repeat(5000)).catch(() => {});
    assertEquals(await receiveText(flood), "");
    await example.line(/a line is too long/);
  },
);

serverTest(
  "sshd",
  "examples/raw_tcp.ts passes on HTTP/2 as gRPC speaks it, and other protocols",
  async () => {
    await using server = await startSshd();
    const { home, url, permissions: [net, ...others] } = await createHome(
      server,
    );
    await using echo = startEcho("echo");
    const service = createServer((request, response) => {
      response.setHeader("content-type", "application/grpc");
      response.addTrailers({ "grpc-status": "0" });
      request.pipe(response);
    });
    await new Promise<void>((resolve) =>
      service.listen(0, "127.0.0.1", resolve)
    );
    const { port } = service.address() as { port: number };
    await using example = startExample({
      name: "raw_tcp.ts",
      permissions: [
        `${net},127.0.0.1:${echo.port},127.0.0.1:${port}`,
        ...others,
      ],
      args: [url, `0:${echo.port}`, `0:${port}`],
      env: { HOME: home },
    });
    const echoPort = await listeningPort(example);
    const there = Number(
      /port (\d+)/.exec(await example.line(RegExp(`:${port}$`)))![1],
    );
    using conn = await visit(echoPort);
    await send(conn, "hi");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "echo: hi");

    const session = connectHttp2(`http://127.0.0.1:${there}`);
    const call = session.request({
      ":method": "POST",
      ":path": "/a.Service/Call",
      "content-type": "application/grpc",
    });
    const trailers = Promise.withResolvers<unknown>();
    call.on("trailers", (it) => trailers.resolve(it["grpc-status"]));
    // A message of gRPC: not compressed, of three bytes.
    call.end(new Uint8Array([0, 0, 0, 0, 3, 8, 150, 1]));
    const answer: number[] = [];
    for await (const chunk of call) answer.push(...chunk);
    assertEquals(answer, [0, 0, 0, 0, 3, 8, 150, 1]);
    assertEquals(await trailers.promise, "0");
    await new Promise<void>((resolve) => session.close(resolve));
    await new Promise((resolve) => service.close(resolve));
  },
);

serverTest(
  "sshd",
  "examples/metrics.ts counts what goes through a supervised tunnel",
  async () => {
    await using server = await startSshd();
    await using echo = startEcho("echo");
    const { home, url, permissions: [net, ...others] } = await createHome(
      server,
    );
    const bindPort = await withFreePort((port) => Promise.resolve(port));
    await using example = startExample({
      name: "metrics.ts",
      permissions: [`${net},127.0.0.1`, ...others],
      args: [url, `${bindPort}`, `${echo.port}`, "0"],
      env: { HOME: home },
    });
    const metrics = await example.line(/^http:/);
    using conn = await visit(bindPort);
    await send(conn, "hi");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "echo: hi");

    const text = await (await fetch(metrics)).text();

    assertMatch(text, /^rforward_state{rforward_state="up"} 1$/m);
    for (
      const [name, labels, value] of [
        ["connections_total", "", 1],
        ["io_bytes_total", ',rforward_direction="to_target"', 2],
        ["io_bytes_total", ',rforward_direction="to_server"', 8],
      ]
    ) {
      assertMatch(
        text,
        new RegExp(
          `^rforward_tunnel_${name}{.*:${echo.port}"${labels}} ${value}$`,
          "m",
        ),
      );
    }
  },
);

serverTest(
  "sshd",
  "examples/unix_socket.ts shares a Unix socket, time and again",
  async () => {
    await using server = await startSshd();
    const { home, url, permissions } = await createHome(server);
    await Deno.mkdir(`${home}/run/pulse`, { recursive: true });
    const pulse = `${home}/run/pulse/native`;
    await using _echo = startEcho(
      "pulse",
      Deno.listen({ transport: "unix", path: pulse }),
    );
    const path = `/tmp/${server.user}-pulse`;
    for (let run = 0; run < 2; run++) {
      await using example = startExample({
        name: "unix_socket.ts",
        permissions: [
          `${permissions[0]},unix:${pulse}`,
          "--allow-env=HOME",
          `${permissions[2]},${pulse}`,
          `--allow-write=${pulse}`,
        ],
        args: [url, pulse],
        env: { HOME: home },
      });
      await example.line(/leads to/);
      using conn = await Deno.connect({ transport: "unix", path });
      await send(conn, "hi");
      await conn.closeWrite();
      assertEquals(await receiveText(conn), "pulse: hi");
    }
    await Deno.remove(path);
  },
);

serverTest(
  "sshd",
  "examples/logging.ts type-checks and logs line by line",
  async () => {
    await using server = await startSshd();
    const { home, url, permissions } = await createHome(server);
    await using example = startExample({
      name: "logging.ts",
      permissions: ["--check", ...permissions],
      args: [url, "0"],
      env: { HOME: home },
      config: "tests/examples/std/deno.json",
    });
    const listening = await example.line(/the server listens on/);
    using conn = await visit(Number(listening.split(":").pop()));
    await send(conn, "disk full\nfan broken\n");
    await conn.closeWrite();
    await example.line(/the server says: disk full/);
    await example.line(/the server says: fan broken/);
  },
);
