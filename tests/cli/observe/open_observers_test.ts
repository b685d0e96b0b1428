import { assert, assertEquals } from "../../assert.ts";
import { graphOf, loadedWith } from "../../module_graph.ts";

Deno.test("the command loads metrics, OpenTelemetry and the status page only when it is asked to", async () => {
  const isOptional = (specifier: string) =>
    /\/src\/observe\/|\/cli\/status\/|serve_metrics|opentelemetry/.test(
      specifier,
    );
  const graph = await graphOf("src/cli/run.ts");
  const all = graph.modules.filter(({ specifier }) => isOptional(specifier));
  assert(all.length > 6, `${all.length}`);
  assertEquals(loadedWith(graph).filter(isOptional), []);
});
