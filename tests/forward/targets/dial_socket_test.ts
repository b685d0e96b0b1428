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
