/** How connect() affects a process: the permissions it needs, and that the process can end. */
import { join } from "node:path";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { packageUrl, runDeno } from "../run_deno.ts";

/** A server, files to log in to it with, and the permissions that this takes. */
async function setUp() {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-process-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const { privateKey, publicKey } = await generateKeyPair();
  const server = stack.use(
    await startTestServer({
      authorizedKeys: publicKey,
      exec: async (_, { stdin }) => {
        await stdin.cancel();
        return 0;
      },
    }),
  );
  const [key, knownHosts] = [join(dir, "key"), join(dir, "known_hosts")];
  await Deno.writeTextFile(key, privateKey);
  await Deno.writeTextFile(knownHosts, server.knownHosts);
  const resources = stack.move();
  return {
    server,
    options: {
      ...{ hostname: server.hostname, port: server.port, user: server.user },
      privateKeys: [{ file: key }],
      hostKeys: { files: [knownHosts] },
    },
    net: `--allow-net=${server.hostname}:${server.port}`,
    key,
    knownHosts,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

Deno.test("connect() needs to reach the server and to read two files, and nothing else", async () => {
  await using it = await setUp();
  const { code, stdout, stderr } = await runDeno({
    script: `
      import { connect } from "${packageUrl}";
      await using connection = await connect(JSON.parse(Deno.args[0]));
      await using process = await connection.exec("true");
      const { success } = await process.output();
      const { port } = await connection.requestForward({
        hostname: "127.0.0.1",
        port: 0,
      });
      console.log(success, port > 0);`,
    argument: it.options,
    permissions: [it.net, `--allow-read=${it.key},${it.knownHosts}`],
  });
  assertEquals([code, stdout, stderr], [0, "true true\n", ""]);
});

for (
  const [missing, name, permit] of [
    ["net", "ConnectError", /--allow-net=127\.0\.0\.1:\d+$/],
    ["key", "RForwardError", /--allow-read=\S+\/key$/],
    ["knownHosts", "RForwardError", /--allow-read=\S+\/known_hosts/],
  ] as const
) {
  Deno.test(`connect() names the missing permission (${missing})`, async () => {
    await using it = await setUp();
    const read = [it.key, it.knownHosts].filter((file) => file !== it[missing]);
    const { stdout, stderr } = await runDeno({
      script: `
        import { connect } from "${packageUrl}";
        await connect(JSON.parse(Deno.args[0])).catch((error) =>
          console.log(error.name + " " + error.code + "\\n" + error.message));`,
      argument: it.options,
      permissions: [
        `--allow-read=${read}`,
        ...missing === "net" ? [] : [it.net],
      ],
    });
    const [head, message] = stdout.split("\n");
    assertEquals(head, `${name} permission-denied`, stderr);
    assertMatch(message!, permit);
  });
}

Deno.test("connect() names the permissions to look up addresses, and to reach them", async () => {
  await using it = await setUp();
  const { port } = it.server;
  for (
    const [net, lacks] of [
      [it.net, "localhost \\(without a port\\)"],
      ["--allow-net=localhost", `127\\.0\\.0\\.1:${port}\n`],
    ] as const
  ) {
    const { stdout, stderr } = await runDeno({
      script: `
        import { connect } from "${packageUrl}";
        await connect(JSON.parse(Deno.args[0])).catch((error) =>
          console.log(error.code + " " + error.message));`,
      argument: { ...it.options, hostname: "localhost", addressFamily: 4 },
      permissions: ["--allow-read", net],
    });
    assertMatch(
      stdout,
      new RegExp(`^permission-denied .*--allow-net=${lacks}`),
      stderr,
    );
  }
});

for (
  const [how, end] of [
    ["closed", "await connection.close();"],
    ["lost", "await process.output(); console.log('lost');"],
  ] as const
) {
  Deno.test(`a process ends by itself once its connection is ${how}`, async () => {
    await using it = await setUp();
    let ended = false;
    const running = runDeno({
      script: `
        import { connect } from "${packageUrl}";
        const connection = await connect(JSON.parse(Deno.args[0]));
        const process = await connection.exec("true");
        await connection.requestForward({ hostname: "127.0.0.1", port: 0 });
        connection.takeForwardedOpens(() => new Promise(() => {}));
        ${end}
        console.log((await connection.closed).reason);
        globalThis.addEventListener("unload", () => console.log("end"));`,
      argument: {
        ...it.options,
        keepalive: { intervalMs: 3_600_000 },
        connectTimeoutMs: 3_600_000,
      },
      permissions: [it.net, "--allow-read"],
    });
    running.then(() => ended = true);
    if (how === "lost") {
      while (!ended) {
        if (it.server.forwards.length > 0) await it.server.disconnectAll();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    const { code, stdout, stderr } = await running;
    assertEquals(code, 0, stderr);
    assert(stdout.endsWith(`${how}\nend\n`), stdout);
  });
}

Deno.test("a process that ignores a lost connection keeps running", async () => {
  await using it = await setUp();
  let ended = false;
  const running = runDeno({
    script: `
      import { connect } from "${packageUrl}";
      const connection = await connect(JSON.parse(Deno.args[0]));
      const process = await connection.exec("true");
      const channel = await connection.openDirect("127.0.0.1", ${it.server.port});
      await connection.requestForward({ hostname: "127.0.0.1", port: 0 });
      // All of these reject, and some are not awaited.
      const reader = channel.readable.getReader();
      const writer = channel.writable.getWriter();
      connection.signal.addEventListener("abort", () =>
        setTimeout(() => console.log("still here"), 50));`,
    argument: it.options,
    permissions: [it.net, "--allow-read"],
  });
  running.then(() => ended = true);
  while (!ended) {
    if (it.server.forwards.length > 0) await it.server.disconnectAll();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { code, stdout, stderr } = await running;
  assertEquals([code, stdout], [0, "still here\n"], stderr);
});
