import type { Bind, ForwardedOpen } from "../../../mod.ts";
import { listen } from "../../../mod.ts";
import { PortDispatcher } from "../../../src/forward/tunnel/dispatcher.ts";
import { assert, assertEquals } from "../../assert.ts";
import { FakeConnection } from "../fake_connection.ts";

/** A dispatcher with registrations, and which of them gets a connection. */
function setUp(binds: Bind[], connection = new FakeConnection()) {
  const dispatcher = PortDispatcher.of(connection);
  const taken: string[] = [];
  const registrations = binds.map((bind, i) =>
    dispatcher.register(bind, (open: ForwardedOpen) => {
      taken.push(`${i}`);
      open.confirm();
      return Promise.resolve();
    })
  );
  const ask = async (bind: Bind) => {
    const { outcome } = await connection.open(bind);
    return outcome === "confirmed" ? taken.pop() : outcome;
  };
  return { connection, dispatcher, registrations, ask };
}

const tcp = (hostname: string, port: number) => ({ hostname, port });

Deno.test("PortDispatcher.of() is one for each connection", () => {
  const connection = new FakeConnection();
  assert(PortDispatcher.of(connection) === PortDispatcher.of(connection));
  assert(
    PortDispatcher.of(connection) !== PortDispatcher.of(new FakeConnection()),
  );
});

Deno.test("dispatcher.dispatch() goes by port, then by address", async () => {
  const { ask } = setUp([
    tcp("127.0.0.1", 1000),
    tcp("127.0.0.2", 1000),
    tcp("127.0.0.1", 2000),
    { path: "/run/a" },
    { path: "/run/b" },
  ]);
  assertEquals(await ask(tcp("127.0.0.1", 1000)), "0");
  assertEquals(await ask(tcp("127.0.0.2", 1000)), "1");
  assertEquals(await ask(tcp("127.0.0.1", 2000)), "2");
  assertEquals(await ask({ path: "/run/b" }), "4");
});

Deno.test("dispatcher.dispatch() refuses a connection without an owner", async () => {
  const { ask, registrations, dispatcher } = setUp([
    tcp("127.0.0.1", 1000),
    tcp("127.0.0.2", 1000),
  ]);
  const refused = "administratively-prohibited";
  assertEquals(await ask(tcp("127.0.0.1", 1001)), refused);
  assertEquals(
    await ask(tcp("127.0.0.3", 1000)),
    refused,
    "either could be meant",
  );
  assertEquals(await ask({ path: "/run/a" }), refused);
  registrations[0]!.remove();
  assertEquals(dispatcher.registrations.size, 1);
  assertEquals(await ask(tcp("127.0.0.1", 1000)), "1", "only one is left");
  registrations[1]!.remove();
  assertEquals(await ask(tcp("127.0.0.1", 1000)), refused);
});

Deno.test("dispatcher.dispatch() understands servers that change the address", async () => {
  const { ask } = setUp([
    tcp("LocalHost", 1000),
    tcp("127.0.0.1", 1000),
    tcp("", 2000),
  ]);
  assertEquals(await ask(tcp("localhost", 1000)), "0");
  assertEquals(await ask(tcp("0.0.0.0", 2000)), "2");
});

Deno.test("dispatcher.dispatch() understands servers that echo port 0", async () => {
  const { ask, registrations } = setUp([tcp("localhost", 0)]);
  registrations[0]!.confirm(tcp("localhost", 40000));
  assertEquals(await ask(tcp("localhost", 0)), "0");
  assertEquals(await ask(tcp("localhost", 40000)), "0");
});

Deno.test("dispatcher.dispatch() holds a connection that overtakes the answer to port 0", async () => {
  const { ask, registrations } = setUp([
    tcp("127.0.0.1", 0),
    tcp("127.0.0.1", 0),
  ]);
  const early = ask(tcp("127.0.0.1", 40001));
  registrations[0]!.confirm(tcp("127.0.0.1", 40000));
  registrations[1]!.confirm(tcp("127.0.0.1", 40001));
  assertEquals(await early, "1");
});

Deno.test("dispatcher.dispatch() refuses waiting connections when the port is denied", async () => {
  const { ask, registrations } = setUp([tcp("127.0.0.1", 0)]);
  const early = ask(tcp("127.0.0.1", 40001));
  registrations[0]!.remove();
  assertEquals(await early, "administratively-prohibited");
});

Deno.test("dispatcher.dispatch() passes to the holder of a port while another one asks for it", async () => {
  const { ask, registrations } = setUp([
    tcp("localhost", 4000),
    tcp("localhost", 4000),
  ]);
  registrations[0]!.confirm(tcp("localhost", 4000));
  assertEquals(await ask(tcp("localhost", 4000)), "0");
});

Deno.test("a connection that overtakes the answer to its own request is not lost", async () => {
  const connection = new FakeConnection();
  const answered = Promise.withResolvers<Bind>();
  connection.answer = () => answered.promise;
  const listening = listen(connection, { port: 5000 });
  const early = connection.open(tcp("127.0.0.1", 5000));
  answered.resolve(tcp("127.0.0.1", 5000));
  await using listener = await listening;
  using _conn = await listener.accept();
  assertEquals((await early).outcome, "confirmed");
});

Deno.test("dispatcher.dispatch() hands the only tunnel what a tunnel service names otherwise", async () => {
  const refused = "administratively-prohibited";
  const go = setUp([tcp("", 80)], new FakeConnection("Go"));
  const [registration] = go.registrations;
  assertEquals(await go.ask(tcp("localhost", 443)), refused, "not bound yet");
  registration!.confirm(registration!.asked);
  assertEquals(await go.ask(tcp("demo.example", 443)), "0");
  assertEquals(await go.ask({ path: "/run/a" }), refused);

  // A late connection to a released port goes to no other tunnel.
  const next = go.dispatcher.register(tcp("", 81), (open) => {
    open.confirm();
    return Promise.resolve();
  });
  next.confirm(next.asked);
  assertEquals(await go.ask(tcp("demo.example", 443)), refused, "whose?");
  registration!.remove();
  assertEquals(await go.ask(tcp("", 80)), refused);

  for (const software of ["OpenSSH_9.2p1", "dropbear_2022.83", "fake"]) {
    const { ask, registrations } = setUp(
      [tcp("", 80)],
      new FakeConnection(software),
    );
    registrations[0]!.confirm(registrations[0]!.asked);
    assertEquals(await ask(tcp("localhost", 443)), refused, software);
  }
});
