/** One scripted run, as events, metrics and the servers show it. */
import { assert, assertEquals } from "../assert.ts";
import { ask, startEcho, visit } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { freePort } from "../servers/free_port.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { within } from "../within.ts";
import { RforwardProcess } from "./rforward_process.ts";

/** The values of a page for Prometheus, by their names with labels in short. */
async function scrape(port: number): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assertEquals(response.status, 200);
  const lines = (await response.text()).split("\n");
  return new Map(
    lines.filter((line) => line && !line.startsWith("#")).map((line) => {
      const [, name = "", value] = /^(.*) (\S+)$/.exec(line) ?? [];
      const short = name
        .replace(/rforward_(bind|target)="[^"]*",?/g, "")
        .replace(/rforward_(tunnel|rule|direction|state)=/g, "$1=")
        .replace(",}", "}");
      return [short, Number(value)];
    }),
  );
}

/** Sees that a connection to a bound port is ended: sshd accepts it before it asks. */
async function assertEnds(port: number): Promise<void> {
  using conn = await visit(port);
  try {
    assertEquals(await conn.read(new Uint8Array(1)), null);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

serverTest(
  "sshd",
  "metrics, events and status page of one run add up exactly with what the servers saw",
  async () => {
    await using echo = startEcho("echo");
    await using sshd = await startSshd();
    const [port, statusPort] = [freePort(), freePort()];
    await using rforward = new RforwardProcess({
      args: [
        ...["--metrics", `${port}`, "--status", `${statusPort}`],
        ...["--max-wait", "0.1"],
        ...["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
        ...["-R", `127.0.0.1:0:127.0.0.1:9`],
        ...["-R", `127.0.0.1:0:localhost:${echo.port}`, "--deny", "127.0.0.1"],
        ...sshArguments(sshd),
      ],
    });
    const ports = async () => {
      await rforward.up();
      return rforward.all("bound").slice(-3)
        .toSorted((a, b) => a.tunnel - b.tunnel)
        .map(({ bound }) => bound.port!);
    };
    let sent = 0;
    const run = async () => {
      const [good = 0, down = 0, closed = 0] = await ports();
      for (const text of ["a", "bb", "ccc"]) {
        assertEquals(await ask(good, text), `echo: ${text}`);
        sent += text.length;
      }
      for (const port of [down, closed, closed]) await assertEnds(port);
    };
    await run();
    sshd.killSessions("SIGKILL");
    await rforward.next("lost");
    await run();
    await rforward.some("closed", 6);
    // They come once a second.
    await rforward.next("refused", { fits: ({ refused }) => refused === 4 });

    const metrics = await scrape(port);
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    const closed = rforward.all("closed");
    const log = await sshd.log();
    const logged = (text: string) => log.split(text).length - 1;
    const logins = logged("Accepted publickey");
    const [prohibited, failed] = [
      logged("open failed: administratively prohibited: not allowed"),
      logged("open failed: connect failed: the target did not answer"),
    ];
    const expected: Record<string, number> = {
      'rforward_state{state="up"}': 1,
      "rforward_ssh_connects_total": logins,
      'rforward_ssh_losses_total{error_type="connection-lost"}': 1,
      'rforward_tunnel_connections_total{tunnel="0"}': echo.taken,
      'rforward_tunnel_connections_total{tunnel="1"}': 0,
      'rforward_tunnel_active_connections{tunnel="0"}': 0,
      'rforward_tunnel_target_failures_total{tunnel="1"}': failed,
      'rforward_tunnel_refusals_total{tunnel="2",rule="deny"}': prohibited,
      'rforward_tunnel_io_bytes_total{tunnel="0",direction="to_target"}': sent,
      'rforward_tunnel_io_bytes_total{tunnel="0",direction="to_server"}': sent +
        6 * "echo: ".length,
      "rforward_tunnel_connection_duration_seconds_count": 6,
    };
    for (const [name, value] of Object.entries(expected)) {
      assertEquals(metrics.get(name), value, name);
    }
    assertEquals([logins, prohibited, failed], [2, 4, 2]);
    assertEquals(echo.taken, 6);
    assertEquals(rforward.all("connected").length, logins);
    assertEquals(rforward.all("opened").length, echo.taken);
    assertEquals(sum(closed.map((it) => it.bytesToTarget)), sent);
    assertEquals(rforward.all("target-error").at(-1)?.failed, 1 + 1);
    assertEquals(sum(rforward.all("refused").map(({ count }) => count)), 4);
    const page = await fetch(`http://127.0.0.1:${statusPort}/status.json`);
    const { tunnels, live, reconnects } = await page.json();
    const bytes = sent + 6 * "echo: ".length;
    assertEquals([live, reconnects], [0, 1]);
    assertEquals(
      tunnels.map((it: Record<string, number>) => [
        ...[it.total, it.live, it.failed, it.bytesToTarget, it.bytesToServer],
      ]),
      [[6, 0, 0, sent, bytes], [0, 0, 2, 0, 0], [0, 0, 4, 0, 0]],
    );
    const other = await fetch(`http://127.0.0.1:${port}/`);
    assertEquals([other.status, await other.text()], [404, "see /metrics\n"]);
  },
);

/** What a collector is sent. */
type Sent = Record<string, {
  scopeSpans?: { spans: { name: string }[] }[];
  scopeMetrics?: {
    metrics: {
      name: string;
      sum?: { dataPoints: { asDouble?: number; asInt?: number }[] };
    }[];
  }[];
}[]>;

serverTest(
  "sshd",
  "OTEL_DENO=true has metrics and spans exported",
  async () => {
    await using echo = startEcho("echo");
    await using sshd = await startSshd();
    const spans: string[] = [];
    const counted = Promise.withResolvers<void>();
    const seen = new Set<string>();
    await using collector = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const sent: Sent = await request.json();
        for (
          const { scopeSpans = [], scopeMetrics = [] } of Object.values(sent)
            .flat()
        ) {
          spans.push(
            ...scopeSpans.flatMap((it) => it.spans.map(({ name }) => name)),
          );
          for (
            const { name, sum } of scopeMetrics.flatMap((it) => it.metrics)
          ) {
            seen.add(name);
            const [{ asInt, asDouble } = {}] = sum?.dataPoints ?? [];
            const isIt = name === "rforward.tunnel.connections";
            if (isIt && Number(asInt ?? asDouble) === 1) counted.resolve();
          }
        }
        return Response.json({});
      },
    );
    await using rforward = new RforwardProcess({
      through: [
        "env",
        "OTEL_DENO=true",
        "OTEL_METRIC_EXPORT_INTERVAL=100",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
        `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${collector.addr.port}`,
      ],
      args: [
        ...["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
        ...sshArguments(sshd),
      ],
    });
    assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
    await rforward.some("closed");
    await within(10_000, "the metrics", counted.promise);
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
    assertEquals(
      spans.filter((name) => name.startsWith("rforward.")).toSorted(),
      ["rforward.connect", "rforward.connection"],
    );
    assert(seen.has("rforward.tunnel.connection_duration"));
  },
);
