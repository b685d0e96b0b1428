/** Connections over a slow network, and over one that cuts or alters them. */
import { ConnectError, ConnectionLostError } from "../../src/errors.ts";
import { connect } from "../../src/ssh/connect.ts";
import type { ConnectOptions } from "../../src/ssh/connect_options.ts";
import { startTestServer, type TestServer } from "../../src/testing/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { type Proxy, startProxy } from "../servers/proxy.ts";
import { loginOptions } from "../servers/login_options.ts";
import { within } from "../within.ts";

for (const network of [{ slice: 1 }, { slice: 7 }, { delayMs: 20 }]) {
  Deno.test(`connect() works over a network at its worst (${JSON.stringify(network)})`, async () => {
    await using server = await startTestServer({
      exec: async (_, { stdin, stdout }) => {
        await stdin.pipeTo(stdout, { preventClose: true });
        return 0;
      },
    });
    await using proxy = startProxy(server, network);
    await using connection = await connect(optionsThrough(proxy, server));
    await using process = await connection.exec("cat");
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("a few bytes"));
    await writer.close();
    const { stdout } = await process.output();
    assertEquals(new TextDecoder().decode(stdout), "a few bytes");
  });
}

Deno.test("a connection that is cut is lost at once", async () => {
  await using server = await startTestServer();
  await using proxy = startProxy(server);
  await using connection = await connect(optionsThrough(proxy, server));

  proxy.cut();

  const { reason, error } = await within(10_000, "the end", connection.closed);
  assertEquals(reason, "lost");
  assertMatch(error!.message, /^the server closed the connection$|reset/);
});

Deno.test("a connection that is tampered with is lost", async () => {
  for (
    const cipher of ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"]
  ) {
    await using server = await startTestServer();
    await using proxy = startProxy(server);
    await using connection = await connect({
      ...optionsThrough(proxy, server),
      algorithms: { cipher: [cipher] },
    });
    const asking = assertRejects(
      () => connection.requestForward({ hostname: "127.0.0.1", port: 0 }),
      ConnectionLostError,
    );

    proxy.corrupt();

    const { error } = await within(10_000, "the end", connection.closed);
    assertEquals(await asking, error);
  }
});

/** Options that log in to a test server through a proxy. */
function optionsThrough(proxy: Proxy, server: TestServer): ConnectOptions {
  const { hostname, port } = proxy;
  const knownHosts = server.knownHosts.replace(/:\d+/, `:${port}`);
  return loginOptions(server, {
    hostname,
    port,
    hostKeys: { text: knownHosts },
  });
}

Deno.test("connect() fails at once when the server disconnects while the user is asked", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  const answer = Promise.withResolvers<string[]>();
  const asked = Promise.withResolvers<void>();
  const connecting = assertRejects(
    () =>
      connect(loginOptions(server, {
        keyboardInteractive: () => {
          asked.resolve();
          return answer.promise;
        },
      })),
    ConnectError,
  );
  await asked.promise;
  await server.disconnectAll();

  const error = await within(10_000, "connect()", connecting);
  assertEquals(error.code, "protocol-error");
  assertMatch(error.message, /^the login to .* broke off: .*tried: /);
  answer.resolve(["late"]);
  await new Promise((resolve) => setTimeout(resolve, 10));
});
