/**
 * Bandwidth under overload, on a real sshd. `RFORWARD_THOROUGH=1` measures for
 * ten seconds and expects five per cent, on a quiet machine; the short form
 * holds on any machine.
 */
import { setTimeout as delay } from "node:timers/promises";
import { forward, serve } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import {
  receive,
  receiveText,
  send,
  startRig,
  startService,
  visit,
} from "../rig.ts";
import { untilRead } from "../../servers/until_read.ts";
import { THOROUGH } from "../../thorough.ts";
import { within } from "../../within.ts";

/** Little enough for a busy machine. */
const RATE = THOROUGH ? 2_000_000 : 500_000;

/** Counts the bytes that arrive from each client. */
class Meter {
  readonly #bytes = new Map<unknown, number>();
  #began = performance.now();

  add(who: unknown, bytes: number): void {
    this.#bytes.set(who, (this.#bytes.get(who) ?? 0) + bytes);
  }

  /** Counts from now on. */
  restart(): void {
    this.#bytes.clear();
    this.#began = performance.now();
  }

  /** Waits until that many clients have sent so many bytes each. */
  async until(clients: number, bytes: number): Promise<void> {
    const isThere = () =>
      this.#bytes.size === clients &&
      Math.min(...this.#bytes.values()) >= bytes;
    while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** @returns how many bytes arrived in how many seconds, and how unequal the parts are: the least by the most. */
  read(): { sum: number; seconds: number; equality: number } {
    const parts = [...this.#bytes.values()];
    return {
      sum: parts.reduce((a, b) => a + b, 0),
      seconds: (performance.now() - this.#began) / 1000,
      equality: Math.min(...parts) / Math.max(...parts),
    };
  }
}

/** Reads all that comes. */
async function drain(
  conn: Deno.Conn,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let n; (n = await conn.read(buffer)) !== null;) onBytes(n);
}

/** Writes chunks of a size without end. */
async function flood(conn: Deno.Conn, size: number): Promise<void> {
  const chunk = new Uint8Array(size);
  while (true) await conn.write(chunk);
}

/** @returns how many bytes a second come in until there were so many. */
async function measureDownload(
  conn: Deno.Conn,
  bytes: number,
): Promise<number> {
  const buffer = new Uint8Array(64 * 1024);
  const began = performance.now();
  for (let left = bytes; left > 0;) left -= await conn.read(buffer) ?? bytes;
  return bytes / (performance.now() - began) * 1000;
}

for (const way of ["to the server", "to the target"] as const) {
  serverTest(
    "sshd",
    `admission.maxBandwidth holds under overload ${way}, in equal parts, without holding up another tunnel or the event loop`,
    async () => {
      await using rig = await startRig("sshd");
      const sizes = [64 * 1024, 64 * 1024, 1024, 100];
      await using service = startService(async (conn) => {
        if (way === "to the target") {
          await drain(conn, (bytes) => meter.add(conn, bytes));
        } else {
          const which = new Uint8Array(1);
          await conn.read(which);
          await flood(conn, sizes[which[0]!]!);
        }
      });
      await using free = startService((conn) => flood(conn, 64 * 1024));
      await using tunnel = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: service.port },
        admission: { maxBandwidth: RATE },
      });
      await using other = await forward(rig.connection, {
        bind: { port: 0 },
        target: { port: free.port },
      });
      const meter = new Meter();
      const conns = await Promise.all(sizes.map(() => visit(tunnel.port)));
      const work = conns.map(async (conn, i) => {
        if (way === "to the target") return await flood(conn, sizes[i]!);
        await conn.write(new Uint8Array([i]));
        await drain(conn, (bytes) => meter.add(conn, bytes));
      });
      work.forEach((work) => work.catch(() => {}));
      if (THOROUGH) {
        // What is on its way at first was let through before.
        await delay(2000);
        meter.restart();
        await delay(10_000);
      } else {
        const second = meter.until(sizes.length, RATE / sizes.length);
        await within(30_000, "a second's part for each", second);
      }
      const { sum, seconds, equality } = meter.read();

      using beside = await visit(other.port);
      const besideRate = await measureDownload(beside, 8 * RATE);
      const rate = sum / seconds;
      if (THOROUGH) console.log({ way, rate, RATE, equality, besideRate });
      // At first there is a credit of a fifth of a second, and it may be
      // overdrawn by one turn, a fiftieth.
      const most = RATE * (THOROUGH ? 1.05 * seconds : seconds + 0.22);
      assert(sum < most, `${sum} bytes in ${seconds} s`);
      if (THOROUGH) assert(rate > RATE * 0.95, `${rate} bytes a second`);
      assert(equality > (THOROUGH ? 0.9 : 0.3), `parts ${equality}`);
      assert(besideRate > 2 * RATE, `${besideRate} bytes a second beside it`);

      await other.stop();
      await tunnel.stop();
      for (const conn of conns) conn.close();
      await Promise.allSettled(work);
    },
  );
}

serverTest(
  "sshd",
  "admission.maxBandwidthPerConnection holds for each connection, and a change resumes waiting connections at once",
  async () => {
    const size = 400_000;
    await using rig = await startRig("sshd");
    await using service = startService(async (conn) => {
      await send(conn, new Uint8Array(size));
      await conn.closeWrite();
      await receive(conn);
    });
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: service.port },
      admission: { maxBandwidthPerConnection: 1_000_000 },
    });
    const began = performance.now();
    const download = async () => {
      using conn = await visit(tunnel.port);
      await conn.closeWrite();
      return (await receive(conn)).length;
    };
    assertEquals(await Promise.all([download(), download()]), [size, size]);
    const ms = performance.now() - began;
    assert(ms > 150, `${ms} ms for each`);
    // As slow as can be; then not any longer.
    tunnel.setAdmission({ maxBandwidthPerConnection: 1, maxBandwidth: 1 });
    const both = Promise.all([download(), download()]);
    await delay(50);
    tunnel.setAdmission({});
    assertEquals(await both, [size, size]);
  },
);

serverTest(
  "sshd",
  "what waits for its share of the bandwidth reaches the target although who sent it is gone",
  async () => {
    const size = 300_000;
    const received = Promise.withResolvers<number>();
    await using rig = await startRig("sshd");
    await using service = startService(async (conn) => {
      // The server cannot pass this on once its client is gone.
      const answering = flood(conn, 10).catch(() => {});
      let sum = 0;
      await drain(conn, (bytes) => sum += bytes).catch(() => {});
      received.resolve(sum);
      await answering;
    });
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: service.port },
      // Each gets its turn after more than what counts as silence.
      admission: { maxBandwidthPerConnection: 600, idleTimeoutMs: 1000 },
      lingerMs: 1000,
    });
    const conn = await visit(tunnel.port);
    await send(conn, new Uint8Array(size));
    await untilRead(conn); // or else sshd loses it with the reset
    conn.close();
    // More than what counts as silence, and as lingering.
    await delay(2200);
    assertEquals(tunnel.connections.size, 1);
    tunnel.setAdmission({ maxBandwidthPerConnection: 3_000_000 });
    assertEquals(await received.promise, size);
  },
);

serverTest(
  "sshd",
  "a handler's streams keep the bandwidth too, and half-close works through them",
  async () => {
    await using rig = await startRig("sshd");
    await using tunnel = await forward(rig.connection, {
      bind: { port: 0 },
      target: async ({ readable, writable }) => {
        const text = await new Response(readable).text();
        await ReadableStream.from([new TextEncoder().encode(text)])
          .pipeTo(writable);
      },
      admission: { maxBandwidth: 100_000 },
    });
    const text = "x".repeat(30_000);
    const began = performance.now();
    using conn = await visit(tunnel.port);
    await send(conn, text);
    await conn.closeWrite();
    assertEquals(await receiveText(conn), text);
    assert(performance.now() - began > 100);
  },
);

serverTest(
  "sshd",
  "serve() and a SOCKS proxy keep the rules of admission, too",
  async () => {
    await using rig = await startRig("sshd");
    const admission = { maxBandwidth: 100_000, maxConnections: 1 };
    const text = "x".repeat(30_000);
    await using served = await serve(
      rig.connection,
      { port: 0, admission },
      () => new Response(text, { headers: { connection: "close" } }),
    );
    const began = performance.now();
    const response = await fetch(`http://127.0.0.1:${served.port}/`);
    assertEquals(await response.text(), text);
    assert(performance.now() - began > 100);
    assertEquals(served.tunnel.admission?.counts.admitted, 1);

    await using proxy = await forward(rig.connection, {
      bind: { port: 0 },
      target: "socks",
      admission: { deny: ["127.0.0.0/8"] },
    });
    using conn = await visit(proxy.port);
    assertEquals(await receiveText(conn).catch(() => ""), "");
    assertEquals(proxy.admission?.counts.refusedBy, { deny: 1 });
  },
);
