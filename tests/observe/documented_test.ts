/** docs/services.md and the dashboard name the metrics that there are, and no others. */
import {
  type Instrument,
  instruments,
  prometheusName,
} from "../../src/observe/mod.ts";
import { assert, assertEquals } from "../assert.ts";

const all = Object.values<Instrument>(instruments);

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(`../../docs/${path}`, import.meta.url));
}

Deno.test("docs/services.md has each metric, its name in Prometheus and its kind", async () => {
  const page = await read("services.md");
  const rows = [
    ...page.matchAll(/^\| `(rforward\.\S+)`\s*\| `(\S+)`\s*\| (\w+)/gm),
  ].map(([, ...cells]) => cells);
  assertEquals(
    rows,
    all.map((it) => [it.name, prometheusName(it), it.kind]),
  );
});

Deno.test("the dashboard shows each metric, and none that does not exist", async () => {
  const text = await read("grafana_dashboard.json");
  const dashboard = JSON.parse(text);
  const expressions: string[] = dashboard.panels.flatMap((
    { targets }: { targets: { expr: string }[] },
  ) => targets.map(({ expr }) => expr));
  const named = new Set(
    expressions.flatMap((it) => it.match(/\brforward_\w+(?=\{)/g) ?? [])
      .map((name) => name.replace(/_(bucket|sum|count)$/, "")),
  );
  assert(expressions.length > 10);
  assertEquals(
    [...named].toSorted(),
    all.map(prometheusName).toSorted(),
  );
});
