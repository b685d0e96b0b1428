import { startTestServer, type TestServer } from "../../src/testing/mod.ts";
import { connect } from "../../src/ssh/connect.ts";
import type {
  Bind,
  Originator,
  SshConnection,
} from "../../src/ssh/connection.ts";
import { createClient, protocolOf } from "../ssh/ssh2.ts";
import { ForwardDeniedError } from "../../src/errors.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { loginOptions } from "../servers/login_options.ts";
import { assertSameBytes, noise, readAll, writeAndEnd } from "./sockets.ts";

function connectTo(server: TestServer): Promise<SshConnection> {
  return connect(loginOptions(server));
}

Deno.test("a forward is cancelled by the very address and the bound port alone", async () => {
  await using server = await startTestServer();
  await using client = await connectTo(server);
  const bound = await client.requestForward({ hostname: "localhost", port: 0 });

  for (
    const wrong of [
      { hostname: "LOCALHOST", port: bound.port },
      { hostname: "127.0.0.1", port: bound.port },
      { hostname: "", port: bound.port },
      { hostname: "localhost", port: 0 },
      { path: "localhost" },
    ] satisfies Bind[]
  ) {
    assertEquals(await client.cancelForward(wrong), false);
  }
  assertEquals<readonly Bind[]>(server.forwards, [bound]);

  assertEquals(await client.cancelForward(bound), true);
  assertEquals(await client.cancelForward(bound), false);
  assertEquals(server.forwards, []);
  // The answer means that the port is free.
  Deno.listen({ hostname: "127.0.0.1", port: bound.port }).close();
});

Deno.test("a port that one client has bound is refused to another", async () => {
  await using server = await startTestServer();
  await using one = await connectTo(server);
  await using other = await connectTo(server);
  const bind = await one.requestForward({ hostname: "127.0.0.1", port: 0 });

  for (const client of [one, other]) {
    await assertRejects(
      () => client.requestForward(bind),
      ForwardDeniedError,
    );
  }
  assertEquals(await other.cancelForward(bind), false);
  assertEquals<readonly Bind[]>(server.forwards, [bind]);
});

Deno.test("a port that cannot be bound is refused", async () => {
  await using server = await startTestServer();
  await using client = await connectTo(server);

  for (
    const bind of [
      { hostname: "192.0.2.1", port: 0 },
      { hostname: "no.such.name.invalid", port: 0 },
      { path: "/no/such/directory/socket" },
    ] satisfies Bind[]
  ) {
    await assertRejects(() => client.requestForward(bind), ForwardDeniedError);
  }
  assertEquals(server.forwards, []);
});

Deno.test("a client that refuses a connection ends it for the program at once", async () => {
  await using server = await startTestServer();
  await using client = await connectTo(server);
  const { port } = await client.requestForward({ hostname: "::1", port: 0 });
  client.takeForwardedOpens((open) => {
    assertEquals<Bind>(open.bind, { hostname: "::1", port });
    open.refuse("connect-failed", "no listener");
    return Promise.resolve();
  });

  using program = await Deno.connect({ hostname: "::1", port });

  assertEquals((await readAll(program)).length, 0);
});

Deno.test("a client receives the originator, also over IPv4 to a dual-stack socket", async () => {
  await using server = await startTestServer();
  await using client = await connectTo(server);
  const opened = Promise.withResolvers<Originator>();
  client.takeForwardedOpens((open) => {
    opened.resolve(open.originator);
    return Promise.resolve();
  });
  const { port } = await client.requestForward({ hostname: "", port: 0 });

  using program = await Deno.connect({ hostname: "127.0.0.1", port });

  assertEquals(await opened.promise, {
    address: "127.0.0.1",
    port: program.localAddr.port,
  });
});

Deno.test("a client that closes the channel right after its data loses none of it", async () => {
  await using server = await startTestServer();
  await using client = await connectTo(server);
  const { port } = await client.requestForward({
    hostname: "127.0.0.1",
    port: 0,
  });
  const reply = noise(1024 * 1024);
  const closed = Promise.withResolvers<void>();
  client.takeForwardedOpens(async (open) => {
    const channel = open.confirm();
    await channel.writable.getWriter().write(reply);
    channel.close();
    await channel.closed;
    closed.resolve();
  });

  using program = await Deno.connect({ port });
  await closed.promise;

  assertSameBytes(await readAll(program), reply);
});

Deno.test("what connects on the server and on the client carries both ways", async () => {
  await using server = await startTestServer();
  await using client = await connectTo(server);
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [request, reply] = [noise(5 * 1024 * 1024), noise(5 * 1024 * 1024)];

  const channel = await client.openDirect("127.0.0.1", target.addr.port);
  using conn = await target.accept();
  const [received] = await Promise.all([
    readAll(conn),
    new Blob([request]).stream().pipeTo(channel.writable),
  ]);
  const [answer] = await Promise.all([
    new Response(channel.readable).bytes(),
    writeAndEnd(conn, reply),
  ]);

  assertSameBytes(received, request);
  assertSameBytes(answer, reply);
  assertEquals((await channel.closed).reason, "closed");
});

Deno.test("a signal of the client aborts exec, and is how the command ended", async () => {
  const started = Promise.withResolvers<void>();
  await using server = await startTestServer({
    exec: (_, { signal }) => {
      started.resolve();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    },
  });
  await using client = await connectTo(server);
  await using process = await client.exec("sleep");
  await started.promise;

  process.kill("SIGTERM");

  const status = await process.status;
  assertEquals(status.signal, "SIGTERM");
  assertEquals(status.code, undefined);
});

Deno.test("a client that is dropped sees a lost connection, and everything is released", async () => {
  await using server = await startTestServer();
  await using client = await connectTo(server);
  await client.requestForward({ hostname: "127.0.0.1", port: 0 });

  await server.disconnectAll();

  assertEquals([server.connections, server.forwards.length], [0, 0]);
  assertEquals((await client.closed).reason, "lost");
});

Deno.test("a client that leaves is no longer counted, and its port is free", async () => {
  await using server = await startTestServer();
  const client = await connectTo(server);
  const { port } = await client.requestForward({
    hostname: "127.0.0.1",
    port: 0,
  });
  await client.close();

  await using other = await connectTo(server);
  const bind = await other.requestForward({ hostname: "127.0.0.1", port });

  assertEquals(server.connections, 1);
  assertEquals<readonly Bind[]>(server.forwards, [bind]);
});

Deno.test("keepalive@openssh.com is answered with a failure, as by sshd", async () => {
  await using server = await startTestServer();
  const client = createClient();
  const closed = Promise.withResolvers<void>();
  await new Promise<void>((resolve, reject) => {
    client.on("ready", resolve).on("error", reject).on("close", closed.resolve);
    client.connect({
      host: server.hostname,
      port: server.port,
      username: server.user,
      password: server.password,
    });
  });
  const protocol = protocolOf(client);

  const answers = ["REQUEST_SUCCESS", "REQUEST_FAILURE"] as const;
  const answer = await new Promise((resolve) => {
    for (const name of answers) {
      protocol._handlers[name] = () => resolve(name);
    }
    protocol.ping();
  });

  assertEquals(answer, "REQUEST_FAILURE");
  client.end();
  await closed.promise;
});
