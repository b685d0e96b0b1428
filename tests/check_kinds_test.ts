/** Options that TypeScript has not checked: misspelled, or of another kind. */

import {
  ArgumentError,
  connect,
  type ConnectOptions,
  forward,
  listen,
  serve,
  supervise,
} from "../mod.ts";
import { checkKinds } from "../src/check_kinds.ts";
import { assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { FakeConnection } from "./forward/fake_connection.ts";

const nowhere = { hostname: "127.0.0.1", port: 9, user: "alice" };
const tunnel = { bind: { port: 0 }, target: { port: 80 } };
const fetch = () => new Response();

/** What is wrong in a call from JavaScript, and the message about it. */
const mistakes: Record<string, [() => unknown, string]> = {
  "forward(), misspelled": [
    () => forward(new FakeConnection(), js({ ...tunnel, admision: {} })),
    "admision: there is no such option; did you mean admission?",
  ],
  "forward(), of bindRetry": [
    () =>
      forward(new FakeConnection(), js({ ...tunnel, bindRetry: { ms: 1 } })),
    "bindRetry.ms: there is no such option; use firstMs, maxMs, forMs",
  ],
  "forward(), no function": [
    () => forward(new FakeConnection(), js({ ...tunnel, onConnection: 5 })),
    "onConnection: use a function",
  ],
  "forward(), not awaited": [
    () => forward(js(Promise.resolve(new FakeConnection())), tunnel),
    "connection: is a promise; await it first",
  ],
  "forward(), swapped": [
    () => forward(js(tunnel), js(new FakeConnection())),
    "connection: is not an SSH connection; use what connect() resolves to",
  ],
  "listen()": [
    () => listen(new FakeConnection(), js({ port: 0, unlinkstale: true })),
    "unlinkstale: there is no such option; did you mean unlinkStale?",
  ],
  "listen(), not awaited": [
    () => listen(js(Promise.resolve(new FakeConnection())), { port: 0 }),
    "connection: is a promise; await it first",
  ],
  "listen(), a number": [
    () => listen(new FakeConnection(), js(8022)),
    "options: cannot be 8022; use an object",
  ],
  "serve()": [
    () => serve(new FakeConnection(), js({ port: 0, headerTimeout: 1 }), fetch),
    "headerTimeout: there is no such option; did you mean headerTimeoutMs?",
  ],
  "serve(), an app": [
    () => serve(new FakeConnection(), { port: 0 }, js({ fetch })),
    "handler: use a function, e.g. app.fetch",
  ],
  "supervise()": [
    () => supervise(js({ connect: nowhere, tunnels: [], retry: {} })),
    "retry: there is no such option; use connect, fallback, tunnels, connectRetry, maxAttempts, allOrNothing, bindRetry, verify, session, onConnect, onEvent, signal, logger",
  ],
  "supervise(), of a tunnel": [
    () =>
      supervise(
        js({
          connect: nowhere,
          tunnels: [tunnel, { ...tunnel, admision: {} }],
        }),
      ),
    "tunnels[1].admision: there is no such option; did you mean admission?",
  ],
  "supervise(), of a server": [
    () =>
      supervise(
        js({ connect: { ...nowhere, hostKey: "" }, tunnels: [tunnel] }),
      ),
    "connect.hostKey: there is no such option; did you mean hostKeys?",
  ],
  "supervise(), of fallback": [
    () =>
      supervise(
        js({ connect: nowhere, tunnels: [tunnel], fallback: { afterms: 1 } }),
      ),
    "fallback.afterms: there is no such option; did you mean afterMs?",
  ],
  "supervise(), of verify": [
    () =>
      supervise(
        js({ connect: nowhere, tunnels: [tunnel], verify: { every: 1 } }),
      ),
    "verify.every: there is no such option; use everyMs",
  ],
};

for (const [where, [call, message]] of Object.entries(mistakes)) {
  Deno.test(`${where}: a mistake that only TypeScript finds is an error`, async () => {
    const error = await assertRejects(async () => await call(), ArgumentError);
    assertEquals(error.message, message);
  });
}

Deno.test("a misspelled option of a method ends no connection, and changes nothing", async () => {
  const connection = new FakeConnection();
  await using forwarded = await forward(connection, tunnel);
  await using supervisor = supervise({
    connect: () => Promise.resolve(new FakeConnection()),
    tunnels: [],
  });
  await supervisor.ready;
  const served = await serve(connection, { port: 81 }, fetch);
  const before = supervisor.connection;
  const calls: [() => unknown, string][] = [
    [() => forwarded.stop(js({ drain: 5000 })), "drain"],
    [() => forwarded.stop(js(5000)), "options"],
    [() => forwarded.resume(js({ prot: 80 })), "prot"],
    [() => served.shutdown(js({ drain: 5000 })), "drain"],
    [() => supervisor.stop(js({ drain: 5000 })), "drain"],
    [() => supervisor.setTunnels([], js({ drain: 5000 })), "drain"],
    [() => supervisor.reconnect(js({ overlp: true })), "overlp"],
  ];
  for (const [call, argument] of calls) {
    const error = await assertRejects(async () => await call(), ArgumentError);
    assertEquals(error.argument, argument);
  }
  assertEquals(forwarded.state, "listening");
  assertEquals(served.tunnel.state, "listening");
  assertEquals(supervisor.snapshot.state, "up");
  assertEquals(supervisor.connection, before);
  await served.shutdown();
});

const connectMistakes: Record<string, [Record<string, unknown>, string]> = {
  "privateKey": [{ privateKey: "x" }, "did you mean privateKeys?"],
  "hostKeys.file": [{ hostKeys: { file: "x" } }, "did you mean files?"],
  "hostKeys": [{ hostKeys: "insecure" }, "use { files, … }, a function or"],
  "hostKeys.acceptNew": [{ hostKeys: { acceptNew: "no" } }, "use true, false"],
  "keepalive.interval": [{ keepalive: { interval: 1 } }, "intervalMs?"],
  "rekey.bytes": [{ rekey: { bytes: "1G" } }, "use a number"],
  "algorithms.ciphers": [{ algorithms: { ciphers: [] } }, "cipher?"],
  "algorithms.cipher": [{ algorithms: { cipher: "aes128-ctr" } }, "a list"],
  "password": [{ password: 12345678 }, "use text or a function"],
  "signal": [{ signal: {} }, "use an AbortSignal"],
  "logger": [{ logger: { info() {} } }, "use a logger with debug, info"],
};

for (const [name, [options, message]] of Object.entries(connectMistakes)) {
  Deno.test(`connect() does not ignore a mistake in ${name}, nor show a value`, async () => {
    const error = await assertRejects(
      () => connect({ ...nowhere, ...options } as ConnectOptions),
      ArgumentError,
    );
    assertEquals(error.argument, name);
    assertEquals(error.message.includes(message), true, error.message);
    assertEquals(error.message.includes("12345678"), false);
  });
}

Deno.test("connect() accepts a record of a server that has more than options", async () => {
  const error = await assertRejects(
    () => connect(js({ ...nowhere, title: "x", port: 0 })),
    ArgumentError,
  );
  assertEquals(error.argument, "port");
});

Deno.test("checkKinds() accepts undefined, null, and what objects of classes have in addition", () => {
  class Settings {
    name = "x";
    more = true;
  }
  checkKinds<{ name: string }>(new Settings(), { name: "text" });
  checkKinds(js({ name: undefined, more: undefined }), { name: "text" });
  checkKinds(js({ name: null }), { name: "text" });
});

Deno.test("checkKinds() checks what an object of a class has of a wrong kind", () => {
  class Settings {
    get name() {
      return 5;
    }
  }
  const error = assertThrows(
    () => checkKinds<{ name: number }>(new Settings(), { name: "text" }),
    ArgumentError,
  );
  assertEquals(error.message, "name: use text");
});

Deno.test("forward() accepts the names of Object.prototype as little as others", async () => {
  const error = await assertRejects(
    () => forward(new FakeConnection(), js({ ...tunnel, toString: 1 })),
    ArgumentError,
  );
  assertEquals(error.argument, "toString");
});

/** As JavaScript passes it. */
// deno-lint-ignore no-explicit-any -- what is passed is wrong on purpose
function js(value: unknown): any {
  return value;
}
