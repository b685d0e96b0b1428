import { ReadWriteLock } from "../../../src/sftp/files/read_write_lock.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";

/** Work that ends when the test says, and records what else ran meanwhile. */
function tracker() {
  const running = new Set<string>();
  const log: string[] = [];
  return {
    running,
    log,
    work: (name: string) => {
      const end = Promise.withResolvers<void>();
      const run = async () => {
        running.add(name);
        log.push(name);
        await end.promise;
        running.delete(name);
        return name;
      };
      return { run, end: end.resolve };
    },
  };
}

/** Lets everything go on that can. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("ReadWriteLock runs shared work together and exclusive work alone, in order", async () => {
  const lock = new ReadWriteLock();
  const { running, log, work } = tracker();
  const [a, b, c, d, e] = ["a", "b", "C", "d", "E"].map(work);
  assert(a && b && c && d && e);
  const all = [
    lock.shared(a.run),
    lock.shared(b.run),
    lock.exclusive(c.run),
    lock.shared(d.run),
    lock.exclusive(e.run),
  ];

  await turn();
  assertEquals([...running], ["a", "b"]);
  a.end();
  await turn();
  assertEquals([...running], ["b"]);
  b.end();
  await turn();
  assertEquals([...running], ["C"]);
  c.end();
  await turn();
  assertEquals([...running], ["d"]);
  d.end();
  await turn();
  assertEquals([...running], ["E"]);
  e.end();
  assertEquals(await Promise.all(all), ["a", "b", "C", "d", "E"]);
  assertEquals(log, ["a", "b", "C", "d", "E"]);
});

Deno.test("ReadWriteLock continues after work that failed", async () => {
  const lock = new ReadWriteLock();
  const fail = () => Promise.reject(new TypeError("no"));
  const results = await Promise.allSettled([
    lock.shared(fail),
    lock.exclusive(fail),
    lock.exclusive(() => Promise.resolve(1)),
    lock.shared(fail),
    lock.shared(() => Promise.resolve(2)),
  ]);

  assertEquals(
    results.map((it) => it.status === "fulfilled" ? it.value : "failed"),
    ["failed", "failed", 1, "failed", 2],
  );
  await assertRejects(() => lock.exclusive(fail), TypeError);
});
