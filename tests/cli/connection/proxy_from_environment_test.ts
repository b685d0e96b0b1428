import { proxyFromEnvironment } from "../../../src/cli/connection/proxy_from_environment.ts";
import { assertEquals } from "../../assert.ts";

/** The port of the proxy for a server, if there is one. */
function proxyPort(
  variables: Record<string, string>,
  hostname = "server.example",
  port = 22,
): number | undefined {
  const read = (name: string) => variables[name];
  return proxyFromEnvironment({ hostname, port }, read)?.port;
}

Deno.test("proxyFromEnvironment() takes HTTPS_PROXY before ALL_PROXY, in lower case first", () => {
  const all = {
    ALL_PROXY: "socks5://p:4",
    all_proxy: "socks5://p:3",
    HTTPS_PROXY: "http://p:2",
    https_proxy: "p:1",
  };
  const { https_proxy: _, ...three } = all;
  const { HTTPS_PROXY: __, ...two } = three;
  const { all_proxy: ___, ...one } = two;
  assertEquals([all, three, two, one, {}].map((it) => proxyPort(it)), [
    ...[1, 2, 3, 4],
    undefined,
  ]);
  assertEquals(proxyPort({ https_proxy: "", ALL_PROXY: "http://p:5" }), 5);
});

Deno.test("proxyFromEnvironment() honours NO_PROXY as curl and Go do", () => {
  const isDirect = (NO_PROXY: string, host: string, port = 22) =>
    proxyPort({ ALL_PROXY: "http://p:1", NO_PROXY }, host, port) === undefined;
  const direct: [string, string, number?][] = [
    ["*", "a.example"],
    ["a.example", "a.example"],
    ["b, a.EXAMPLE.", "A.example."],
    ["example", "a.example"],
    [".example", "a.example"],
    ["*.example", "a.example"],
    ["a.example:22", "a.example", 22],
    ["127.0.0.1", "127.0.0.1"],
    ["10.0.0.0/8", "10.1.2.3"],
    ["10.0.0.0/8 192.168.0.0/16", "192.168.3.4"],
    ["fd00::/8", "fd12::1"],
    ["::1", "::1"],
    ["[::1]:22", "::1", 22],
    ["fe80::/10", "fe80::1%eth0"],
    ["fe80::1", "fe80::1%eth0"],
  ];
  for (const [list, ...server] of direct) {
    assertEquals(isDirect(list, ...server), true, list);
  }
  const proxied: [string, string, number?][] = [
    ["", "a.example"],
    ["a.example", "aa.example"],
    ["a.example:2222", "a.example", 22],
    ["ample", "a.example"],
    ["10.0.0.0/8", "11.0.0.1"],
    ["10.0.0.0/99", "10.0.0.1"],
    ["10.0.0.0/x", "10.0.0.1"],
    ["fd00::/8", "10.0.0.1"],
    ["[::1]:23", "::1", 22],
  ];
  for (const [list, ...server] of proxied) {
    assertEquals(isDirect(list, ...server), false, list);
  }
});
