import { ArgumentError, type Bind, forward } from "../../../mod.ts";
import { proxyHeader } from "../../../src/forward/proxy_protocol/proxy_header.ts";
import { createDialer } from "../../../src/forward/targets/create_dialer.ts";
import { assertEquals, assertMatch, assertThrows } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startWebServer, webServers } from "../../servers/web_servers.ts";
import { receive, send, startRig, visit } from "../rig.ts";

for (const kind of webServers) {
  serverTest(
    ["sshd", kind],
    `proxyProtocol has ${kind} log who connected to the server`,
    async () => {
      await using rig = await startRig("sshd");
      await using web = await startWebServer(kind);
      const ask = async (conn: Deno.Conn) => {
        await send(conn, "GET / HTTP/1.0\r\n\r\n");
        await receive(conn);
      };
      for (const proxyProtocol of [1, 2] as const) {
        const target = { port: web.port, proxyProtocol };
        await using tunnel = await forward(rig.connection, {
          bind: { hostname: "localhost", port: 0 }, // both families
          target,
        });
        for (const hostname of ["127.0.0.1", "::1"]) {
          using visitor = await visit(tunnel.port, hostname);
          await ask(visitor);
          assertEquals(
            await web.logged(),
            `${hostname} ${visitor.localAddr.port}`,
          );
        }
        const path = `${rig.server.dir}/${proxyProtocol}.sock`;
        await using _unix = await forward(rig.connection, {
          bind: { path },
          target,
        });
        using visitor = await Deno.connect({ transport: "unix", path });
        await ask(visitor);
        const line = await web.logged();
        // HAProxy falls back on the connection that it has.
        assertEquals(
          kind === "nginx" ? line : line.split(" ")[0],
          {
            nginx: "- -",
            haproxy: "127.0.0.1",
          }[kind],
        );
      }
    },
  );
}

serverTest(
  "haproxy",
  "a check of the target has the PROXY protocol's header for checks, without which HAProxy logs an error",
  async () => {
    await using web = await startWebServer("haproxy");
    const { signal } = new AbortController();
    for (const proxyProtocol of [1, 2] as const) {
      const dialer = createDialer({ port: web.port, proxyProtocol }, {});
      await dialer.check!(signal);
      assertMatch(await web.logged(), /^127\.0\.0\.1 \d+$/);
    }
  },
);

/** The header in text; bytes of version 2 as hexadecimal digits after its signature. */
function header(
  version: 1 | 2,
  address: string,
  bind: Bind = { hostname: "127.0.0.1", port: 80 },
  port = 0x1234,
): string {
  const bytes = proxyHeader(version, { bind, originator: { address, port } });
  if (version === 1) return new TextDecoder().decode(bytes);
  assertEquals(
    [...bytes.subarray(0, 12)],
    [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
  );
  return bytes.subarray(12).toHex();
}

Deno.test("proxyHeader() distinguishes IPv4 and IPv6, mapped addresses too", () => {
  assertEquals(
    header(1, "192.0.2.1"),
    "PROXY TCP4 192.0.2.1 127.0.0.1 4660 80\r\n",
  );
  assertEquals(
    header(1, "::ffff:192.0.2.1"),
    "PROXY TCP4 192.0.2.1 127.0.0.1 4660 80\r\n",
  );
  assertEquals(
    header(1, "2001:db8::1"),
    "PROXY TCP6 2001:db8::1 :: 4660 80\r\n",
  );
  assertEquals(header(1, "fe80::1%eth0"), "PROXY TCP6 fe80::1 :: 4660 80\r\n");
  assertEquals(header(2, "192.0.2.1"), "2111000cc00002017f00000112340050");
  assertEquals(
    header(2, "2001:db8::1", { hostname: "::1", port: 80 }),
    `21210024${"20010db8".padEnd(31, "0")}1${"1".padStart(32, "0")}12340050`,
  );
});

Deno.test("proxyHeader() names the bind's address where it is one", () => {
  const to = (hostname: string, address = "192.0.2.1") =>
    header(1, address, { hostname, port: 80 }).split(" ")[3];
  assertEquals(to("198.51.100.1"), "198.51.100.1");
  assertEquals([to("localhost"), to("localhost", "::1")], ["127.0.0.1", "::1"]);
  assertEquals([to(""), to("::"), to("", "::1")], ["0.0.0.0", "0.0.0.0", "::"]);
});

Deno.test("proxyHeader() says that a client is unknown where the server says nothing of use", () => {
  const cases: [string, (Bind | undefined)?, number?][] = [
    ["", { path: "/s" }],
    ["127.0.0.1", { path: "/s" }],
    ["somewhere"],
    ["1.2.3.4 5.6.7.8 1 2\r\nX"],
    ["192.0.2.1", undefined, 70_000],
    ["192.0.2.1", { hostname: "127.0.0.1", port: 70_000 }],
  ];
  for (const [address, bind, port] of cases) {
    assertEquals(header(1, address, bind, port), "PROXY UNKNOWN\r\n");
    assertEquals(header(2, address, bind, port), "20000000");
  }
});

Deno.test("proxyProtocol takes 1 and 2", () => {
  for (const proxyProtocol of [0, 3, "2"]) {
    const target = { port: 80, proxyProtocol } as never;
    assertThrows(() => createDialer(target), ArgumentError);
  }
});
