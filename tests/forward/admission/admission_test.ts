/** Who may connect: rules that change, that tunnels share, and that cannot be used. */
import {
  Admission,
  type AdmissionRules,
  ArgumentError,
  forward,
} from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { within } from "../../within.ts";
import { FakeConnection } from "../fake_connection.ts";
import { ask, startEcho, visit } from "../rig.ts";
import { seeRefusal, startAdmissionSite } from "./admission_site.ts";

serverTest(
  "sshd",
  "tunnel.setAdmission() changes the rules while the tunnel runs, also of live connections",
  async () => {
    await using site = await startAdmissionSite(undefined);
    const { tunnel } = site;
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    tunnel.setAdmission({ deny: ["127.0.0.1"] });
    await seeRefusal(tunnel.port);
    tunnel.setAdmission({ maxConnections: 1 });
    using held = await visit(tunnel.port);
    await held.write(new Uint8Array([65]));
    await seeRefusal(tunnel.port);
    const [connection] = tunnel.connections;
    assert(connection);
    // The old rules stay if the new ones are wrong.
    assertThrows(
      () => tunnel.setAdmission({ allow: ["127.0.0.1/8"] }),
      ArgumentError,
    );
    await seeRefusal(tunnel.port);
    tunnel.setAdmission({ maxDurationMs: 1 });
    const { error } = await within(10_000, "the end", connection.closed);
    assertEquals(error?.code, "time-limit");
    tunnel.setAdmission({});
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
  },
);

serverTest(
  "sshd",
  "an Admission that several tunnels have limits them together",
  async () => {
    const admission = new Admission({ maxConnections: 1 });
    await using site = await startAdmissionSite(admission);
    await using echo = startEcho("other");
    await using other = await forward(site.rig.connection, {
      bind: { port: 0 },
      target: { port: echo.port },
      admission,
    });
    using held = await visit(site.tunnel.port);
    await held.write(new Uint8Array([65]));
    await seeRefusal(other.port);
    assertEquals(admission.counts.refused, 1);
  },
);

Deno.test("forward() rejects an invalid admission", async () => {
  await using connection = new FakeConnection();
  for (const admission of [null, 0, "", ["10.0.0.0/8"]]) {
    const error = await forward(connection, {
      bind: { port: 0 },
      target: () => {},
      admission: admission as unknown as AdmissionRules,
    }).catch((error) => error);
    assertEquals(error.argument, "admission");
  }
});

Deno.test("new Admission() names what cannot be used", () => {
  const bad: AdmissionRules[] = [
    { maxConnections: -1 },
    { maxRate: 0 },
    { maxBandwidth: NaN },
    { maxBandwidthPerConnection: 0 },
    { idleTimeoutMs: -1 },
    { allow: ["localhost"] },
    { allow: "10.0.0.0/8" as unknown as string[] },
    { allow: null as unknown as string[] },
    { maxConnection: 5 } as AdmissionRules,
    { decide: true as unknown as () => boolean },
  ];
  for (const rules of bad) {
    const [rule] = Object.keys(rules);
    const error = assertThrows(() => new Admission(rules), ArgumentError);
    assertEquals(error.argument, `admission.${rule}`);
  }
  for (const rules of [null, 5, ["10.0.0.0/8"]] as unknown[]) {
    const error = assertThrows(
      () => new Admission(rules as AdmissionRules),
      ArgumentError,
    );
    assertEquals(error.argument, "admission");
  }
});
