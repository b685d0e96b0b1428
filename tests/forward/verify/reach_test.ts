import type { Look } from "../../../src/forward/verify/look_at.ts";
import {
  askedReach,
  findReach,
  reachWarning,
} from "../../../src/forward/verify/reach.ts";
import { assertEquals, assertMatch } from "../../assert.ts";

const ours: Look = { answer: "ours", isRefused: false };
const refused: Look = { answer: "closed", isRefused: true };
const silent: Look = { answer: "closed", isRefused: false };
const forbidden: Look = { answer: "forbidden", isRefused: false };

Deno.test("askedReach() knows an address that is the server's own alone, however it is written", () => {
  const own = [
    ...["127.0.0.1", "127.1", "127.7.7.7", "::1", "0:0:0:0:0:0:0:1", "::1%lo"],
    ...["::ffff:127.0.0.1", "localhost", "LOCALHOST", "localhost."],
    ...["localhost.localdomain", "ip6-localhost", "app.localhost"],
  ];
  const all = ["", "*", "0.0.0.0", "0", "::", "192.0.2.1", "2001:db8::1"];
  const others = ["fe80::1%eth0", "server.example", "notlocalhost", "x_y"];
  for (const hostname of own) {
    assertEquals(askedReach({ hostname, port: 1 }), "server-only", hostname);
  }
  for (const address of [...all, ...others]) {
    assertEquals(
      askedReach({ hostname: address, port: 1 }),
      "network",
      address,
    );
  }
  assertEquals(askedReach({ path: "/run/x" }), "server-only");
});

/** What is found of a port with these answers, all others being silent, and where it was looked. */
async function found(
  bind: string,
  found: readonly string[],
  answers: Record<string, Look>,
  own?: string,
): Promise<[string, ...string[]]> {
  const looked: string[] = [];
  const reach = await findReach(
    { hostname: bind, port: 1 },
    found,
    own,
    (address) => {
      looked.push(address);
      return Promise.resolve(answers[address] ?? silent);
    },
  );
  return [reach, ...looked];
}

Deno.test("findReach() believes a second loopback address where the server's system answers for it", async () => {
  const bind = "0.0.0.0";
  assertEquals(
    await found(bind, ["127.0.0.1"], { "127.0.0.2": ours }),
    ["network", "127.0.0.2"],
  );
  assertEquals(
    await found(bind, ["127.0.0.1"], { "127.0.0.2": refused }, "192.0.2.1"),
    ["server-only", "127.0.0.2"],
  );
  assertEquals(
    await found("127.0.0.2", ["127.0.0.2"], { "127.0.0.3": ours }),
    ["network", "127.0.0.3"],
  );
});

Deno.test("findReach() asks for the address that was dialled where there is no second loopback address", async () => {
  const own = "192.0.2.1";
  for (const second of [silent, forbidden]) {
    assertEquals(
      await found(
        "*",
        ["127.0.0.1"],
        { "127.0.0.2": second, [own]: ours },
        own,
      ),
      ["network", "127.0.0.2", own],
    );
    // It may be a router's that refuses.
    assertEquals(
      (await found(
        "*",
        ["127.0.0.1"],
        { "127.0.0.2": second, [own]: refused },
        own,
      ))[0],
      "unknown",
    );
    for (const useless of [undefined, "127.0.0.1", "::1"]) {
      assertEquals(
        await found("*", ["127.0.0.1"], { "127.0.0.2": second }, useless),
        ["unknown", "127.0.0.2"],
      );
    }
  }
});

Deno.test("findReach() takes IPv4 for a sign of what IPv6 is bound to only where it is bound too", async () => {
  const none = { "127.0.0.2": refused, "127.0.0.1": refused };
  const own = "2001:db8::1";
  assertEquals(
    await found("::", ["::1"], { ...none, "127.0.0.1": ours }, own),
    ["server-only", "127.0.0.2", "127.0.0.1"],
  );
  assertEquals((await found("::", ["::1"], none))[0], "unknown");
  assertEquals(
    (await found("::", ["::1"], { ...none, [own]: ours }, own))[0],
    "network",
  );
});

Deno.test("findReach() needs to look no further at an address that other hosts reach", async () => {
  assertEquals(await found("192.0.2.1", ["192.0.2.1"], {}), ["network"]);
  assertEquals(await found("2001:db8::1", ["2001:db8::1"], {}), ["network"]);
  // What a name stands for, the server alone knows.
  assertEquals(
    await found("server.example", ["server.example"], {
      "127.0.0.2": refused,
      "127.0.0.1": refused,
    }),
    ["unknown", "127.0.0.2", "127.0.0.1"],
  );
});

const all = { hostname: "0.0.0.0", port: 8080 };
const loopback = { hostname: "127.0.0.1", port: 8080 };

Deno.test("reachWarning() names what the server's administrator can do", () => {
  assertMatch(
    reachWarning(all, "server-only", "OpenSSH_9.2p1") ?? "",
    /^0\.0\.0\.0:8080 is reachable from the server itself only.*"GatewayPorts clientspecified"/,
  );
  assertMatch(
    reachWarning(loopback, "network", "OpenSSH_9.2p1") ?? "",
    /from other hosts too.*"GatewayPorts clientspecified"/,
  );
  assertMatch(
    reachWarning(all, "server-only", "dropbear_2022.83") ?? "",
    / -a /,
  );
  for (
    const [bind, reach] of [
      [all, "server-only"],
      [loopback, "network"],
    ] as const
  ) {
    const said = reachWarning(bind, reach, "AsyncSSH_2.10.1") ?? "";
    assertMatch(said, /configuration/);
    assertEquals(/GatewayPorts|dropbear/.test(said), false, said);
  }
});

Deno.test("reachWarning() is silent where it is as asked, or not known", () => {
  const software = "OpenSSH_9.2p1";
  assertEquals(reachWarning(all, "network", software), undefined);
  assertEquals(reachWarning(loopback, "server-only", software), undefined);
  assertEquals(reachWarning(all, "unknown", software), undefined);
  assertEquals(reachWarning(loopback, "unknown", software), undefined);
});
