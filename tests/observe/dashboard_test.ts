/** The dashboard's expressions, in a real Prometheus that scrapes a real command with traffic. */
import { assert, assertEquals } from "../assert.ts";
import { RforwardProcess } from "../cli/rforward_process.ts";
import { ask, startEcho, visit } from "../forward/rig.ts";
import { optionalTest } from "../servers/availability.ts";
import { freePort } from "../servers/free_port.ts";
import { startSshd } from "../servers/openssh.ts";
import { startPrometheus } from "../servers/prometheus.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { within } from "../within.ts";

interface Dashboard {
  panels: {
    title: string;
    targets: { expr: string; legendFormat: string }[];
  }[];
  templating: { list: { name: string; query: { query?: string } }[] };
}

async function readDashboard(): Promise<Dashboard> {
  const url = new URL("../../docs/grafana_dashboard.json", import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

optionalTest(
  ["sshd", "prometheus"],
  "each expression of the dashboard has series in Prometheus, and each legend its labels",
  async () => {
    await using echo = startEcho("echo");
    await using sshd = await startSshd();
    const port = freePort();
    await using rforward = new RforwardProcess({
      args: [
        ...["--metrics", `${port}`, "--max-wait", "0.1"],
        ...["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
        ...["-R", `127.0.0.1:0:127.0.0.1:9`],
        ...["-R", `127.0.0.1:0:localhost:${echo.port}`],
        ...["--deny", "127.0.0.1"],
        ...sshArguments(sshd),
      ],
    });
    await rforward.up();
    await using prometheus = await startPrometheus(port);
    const until = async (expression: string) => {
      while ((await prometheus.query(expression)).length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await within(10_000, "a scrape", until("rforward_state"));
    sshd.killSessions("SIGKILL");
    await rforward.next("lost");
    await rforward.up();
    const [good = 0, ...others] = rforward.all("bound").slice(-3)
      .toSorted((a, b) => a.tunnel - b.tunnel).map(({ bound }) => bound.port!);
    let isOver = false;
    const traffic = (async () => {
      while (!isOver) {
        await ask(good, "hello");
        for (const port of others) {
          using conn = await visit(port);
          await conn.read(new Uint8Array(1)).catch(() => {});
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    try {
      const { panels, templating } = await readDashboard();
      const [, instance] = templating.list;
      const [, metric = ""] = /^label_values\((\w+), instance\)$/.exec(
        instance?.query.query ?? "",
      ) ?? [];
      assertEquals(
        await prometheus.ask("label/instance/values", { "match[]": metric }),
        [`127.0.0.1:${port}`],
      );
      for (const { title, targets } of panels) {
        for (const { expr, legendFormat } of targets) {
          const expression = expr
            .replaceAll("$instance", ".*")
            .replaceAll("$__rate_interval", "2s");
          // What counts has counted; what is a failure to connect has none here.
          const isCount = /\b(rate|increase)\(/.test(expr) &&
            !expr.includes("connect_failures");
          await within(
            10_000,
            `${title}: ${expression}`,
            until(isCount ? `(${expression}) > 0` : expression),
          );
          for (const { metric } of await prometheus.query(expression)) {
            for (const [, label = ""] of legendFormat.matchAll(/{{(\w+)}}/g)) {
              assert(metric[label] !== undefined, `${title}: ${label}`);
            }
          }
        }
      }
      const states = await prometheus.query(panels[0]!.targets[0]!.expr
        .replaceAll("$instance", ".*"));
      assertEquals(states.map(({ metric }) => metric["rforward_state"]), [
        "up",
      ]);
    } finally {
      isOver = true;
      await traffic;
    }
  },
);
