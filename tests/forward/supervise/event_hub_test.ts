import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { supervise, type SupervisorEvent } from "../../../mod.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import { assert, assertEquals } from "../../assert.ts";

Deno.test("a callback, iterators and the diagnostics channel get the same events of a supervisor, in the same order", async () => {
  await using server = await startTestServer();
  const called: SupervisorEvent[] = [];
  const published: SupervisorEvent[] = [];
  const onMessage = (message: unknown) => {
    const { supervisor: of, event } = message as {
      supervisor: unknown;
      event: SupervisorEvent;
    };
    if (of === supervisor) published.push(event);
  };
  subscribe("rforward:supervisor", onMessage);
  await using supervisor = supervise({
    connect: {
      hostname: server.hostname,
      port: server.port,
      user: server.user,
      password: server.password,
      hostKeys: { text: server.knownHosts },
    },
    tunnels: [{ bind: { port: 0 }, target: { port: 9 } }],
    onEvent: (event) => called.push(event),
  });
  const [all, early] = [supervisor.events(), supervisor.events()];
  const first = await early.next();
  await early.return?.();
  await supervisor.ready;
  await supervisor.stop();
  const read = await Array.fromAsync(all);
  unsubscribe("rforward:supervisor", onMessage);
  assertEquals(read.at(-1), { type: "state", state: "stopped" });
  assert(read.length > 5 && read.every((event, i) => event === called[i]));
  assertEquals(read.length, called.length);
  assertEquals(first.value, called[0]);
  assert(published.length === called.length);
  assertEquals(await Array.fromAsync(supervisor.events()), []);
});
