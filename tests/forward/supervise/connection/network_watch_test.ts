import { watchNetwork } from "../../../../src/forward/supervise/connection/network_watch.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("watchNetwork() notices each change of the addresses, once", async () => {
  const looks = ["a", "a", "b", "b", "", "", "b"];
  const changes: number[] = [];
  const over = Promise.withResolvers<void>();
  let look = 0;
  {
    using _watch = watchNetwork(() => changes.push(look), {
      everyMs: 1,
      addresses() {
        if (look === looks.length) over.resolve();
        return looks[Math.min(look++, looks.length - 1)]!;
      },
    });
    await over.promise;
  }
  assertEquals(changes, [3, 5, 7]);
});
