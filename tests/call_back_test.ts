/** What users' functions throw, or reject with, ends nothing. */
import { forward } from "../src/forward/tunnel/forward.ts";
import { supervise } from "../src/forward/supervise/supervise.ts";
import { callBack } from "../src/call_back.ts";
import { silentLogger } from "../src/logger.ts";
import { connect } from "../src/ssh/connect.ts";
import { startTestServer } from "../src/testing/mod.ts";
import { assertEquals } from "./assert.ts";
import { loginOptions } from "./servers/login_options.ts";
import { within } from "./within.ts";

/** A logger, and the first errors that it was given. */
function errorLog(count: number) {
  const errors: unknown[][] = [];
  const { promise, resolve } = Promise.withResolvers<unknown[][]>();
  const error = (...args: unknown[]) => {
    if (errors.push(args) === count) resolve(errors);
  };
  return {
    logger: { ...silentLogger, error },
    errors: within(10_000, "the errors", promise),
  };
}

Deno.test("callBack() logs what a function throws, and what an async one rejects with", async () => {
  const { logger, errors } = errorLog(2);
  const problem = new Error("not today");
  callBack("onFirst", logger, () => {
    throw problem;
  });
  callBack("onSecond", logger, () => Promise.reject(problem));
  callBack("onThird", logger, () => Promise.resolve());
  assertEquals(await errors, [
    ["onFirst threw", problem],
    ["onSecond threw", problem],
  ]);
});

for (const by of ["forward", "supervise"]) {
  Deno.test(`${by}() continues where an async callback of a tunnel rejects, and logs it`, async () => {
    await using server = await startTestServer();
    const problem = new Error("not today");
    const { logger, errors } = errorLog(2);
    const tunnel = {
      bind: { port: 0 },
      target: async () => {},
      onConnection: () => Promise.reject(problem),
    };
    await using stack = new AsyncDisposableStack();
    let port: number;
    if (by === "forward") {
      const connection = stack.use(await connect(loginOptions(server)));
      ({ port } = stack.use(await forward(connection, { ...tunnel, logger })));
    } else {
      const supervisor = stack.use(
        supervise({ connect: loginOptions(server), tunnels: [tunnel], logger }),
      );
      await supervisor.ready;
      ({ port } = supervisor.snapshot.tunnels[0]!.bound as { port: number });
    }
    for (let i = 0; i < 2; i++) {
      using client = await Deno.connect({ hostname: "127.0.0.1", port });
      assertEquals(await client.read(new Uint8Array(1)), null);
    }
    const logged = ["a callback of the tunnel threw", problem];
    assertEquals(await errors, [logged, logged]);
  });
}
