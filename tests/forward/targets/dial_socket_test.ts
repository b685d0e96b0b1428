import { TargetError } from "../../../src/errors.ts";
import { dialSocket } from "../../../src/forward/targets/dial_socket.ts";
import { SharedTimeout } from "../../../src/shared_timeout.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";

Deno.test("dialSocket() says what to do where the process has no file descriptor left", async () => {
  const error = await assertRejects(
    () =>
      dialSocket(
        "127.0.0.1:80",
        () => Promise.reject(new Error("Too many open files (os error 24)")),
        new AbortController().signal,
        new SharedTimeout(1000),
      ),
    TargetError,
  );
  assertEquals(error.code, "target-unreachable");
  assertMatch(error.message, /Too many open files .*ulimit -n/);
});

Deno.test("dialSocket() says that a name has no address", async () => {
  const error = await assertRejects(
    () =>
      dialSocket(
        "no-such-host.invalid:80",
        () => Deno.connect({ hostname: "no-such-host.invalid", port: 80 }),
        new AbortController().signal,
        new SharedTimeout(10_000),
      ),
    TargetError,
  );
  assertEquals(error.code, "target-unreachable");
  assertEquals(
    error.message,
    "the target no-such-host.invalid:80 cannot be reached: no address is known for it; check the name and the network",
  );
});

Deno.test("dialSocket() takes a word in a socket's path for no name", async () => {
  const path = "/nonexistent/resolve/lookup";
  const error = await assertRejects(
    () =>
      dialSocket(
        path,
        () => Deno.connect({ transport: "unix", path }),
        new AbortController().signal,
        new SharedTimeout(10_000),
      ),
    TargetError,
  );
  assertMatch(error.message, /cannot be reached: No such file/);
});
