import { ArgumentError } from "../../../../mod.ts";
import { parseProxyUrl } from "../../../../src/ssh/dial/proxy/proxy_address.ts";
import { assert, assertEquals, assertThrows } from "../../../assert.ts";

Deno.test("parseProxyUrl() reads what people write", () => {
  const read = (text: string) => parseProxyUrl("--proxy", text);
  const http = { protocol: "http", hostname: "proxy" } as const;
  const socks = { protocol: "socks5", hostname: "proxy" } as const;
  assertEquals(read("http://proxy:3128"), { ...http, port: 3128 });
  assertEquals(read("HTTP://proxy:3128/"), { ...http, port: 3128 });
  assertEquals(read("proxy:3128"), { ...http, port: 3128 });
  assertEquals(read("http://proxy"), { ...http, port: 80 });
  assertEquals(read("socks5://proxy"), { ...socks, port: 1080 });
  assertEquals(read("socks5h://proxy:80"), { ...socks, port: 80 });
  assertEquals(read("socks://[::1]:9"), {
    ...{ ...socks, hostname: "::1", port: 9 },
  });
  assertEquals(read("http://a%3ab:p%40:%C3%BC@proxy:1".replace("%3a", "")), {
    ...{ ...http, port: 1, login: { user: "ab", password: "p@:ü" } },
  });
  assertEquals(parseProxyUrl("url", new URL("socks5://u:p@proxy:2")), {
    ...{ ...socks, port: 2, login: { user: "u", password: "p" } },
  });
});

Deno.test("parseProxyUrl() refuses the rest without quoting it", () => {
  const wrong = [
    ..."ftp://u:secret@proxy https://u:secret@proxy http:// http://u:secret@"
      .split(" "),
    ..."http://u:secret@proxy:99999 http://u:secret@proxy/path http://proxy?secret"
      .split(" "),
    ..."http://u:%secret@proxy http://a%3Ab:secret@proxy socks5://u@proxy"
      .split(" "),
    ...["http://proxy:0", "", `socks5://u:${"secret".repeat(50)}@proxy`],
    "http://u:secret@two words:1",
  ];
  for (const text of wrong) {
    const { message } = assertThrows(
      () => parseProxyUrl("--proxy", text),
      ArgumentError,
    );
    assert(message.startsWith("--proxy: "), message);
    assert(!message.includes("secret"), message);
  }
});

Deno.test("parseProxyUrl() refuses what is not text or a URL", () => {
  for (const wrong of [undefined, null, 3128, {}]) {
    assertThrows(
      () => parseProxyUrl("url", wrong as unknown as string),
      ArgumentError,
    );
  }
});
