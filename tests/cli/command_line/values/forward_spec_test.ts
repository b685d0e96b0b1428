import { ArgumentError } from "../../../../src/errors.ts";
import {
  type ForwardSpec,
  parseForwardSpec,
  parseRemoteForward,
  withoutDuplicates,
} from "../../../../src/cli/command_line/values/forward_spec.ts";
import { assertEquals, assertThrows } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { askSsh } from "../ssh_oracle.ts";

Deno.test("parseForwardSpec() accepts a port, a target and a bind address", () => {
  assertEquals(parseForwardSpec("8080:localhost:80"), {
    bind: { hostname: "localhost", port: 8080 },
    target: { hostname: "localhost", port: 80 },
    text: "8080:localhost:80",
  });
  assertEquals(parseForwardSpec("[::1]:0:[fe80::1%eth0]:80"), {
    bind: { hostname: "::1", port: 0 },
    target: { hostname: "fe80::1%eth0", port: 80 },
    text: "[::1]:0:[fe80::1%eth0]:80",
  });
});

Deno.test("parseForwardSpec() accepts sockets on either side", () => {
  const read = (text: string) => {
    const { bind, target } = parseForwardSpec(text);
    return [bind, target];
  };
  assertEquals(read("8080:/run/app.sock"), [
    { hostname: "localhost", port: 8080 },
    { path: "/run/app.sock" },
  ]);
  assertEquals(read("*:8080:./app.sock"), [
    { hostname: "", port: 8080 },
    { path: "./app.sock" },
  ]);
  assertEquals(read("/r.sock:localhost:80"), [
    { path: "/r.sock" },
    { hostname: "localhost", port: 80 },
  ]);
  assertEquals(read("[/r:1.sock]:/l\\:2.sock"), [
    { path: "/r:1.sock" },
    { path: "/l:2.sock" },
  ]);
});

Deno.test("parseForwardSpec() asks for all addresses where the bind address is empty or *", () => {
  for (const text of [":80:h:81", "*:80:h:81", "[]:80:h:81"]) {
    assertEquals(parseForwardSpec(text).bind, { hostname: "", port: 80 });
  }
});

Deno.test("parseForwardSpec() points at the mistake", () => {
  const cases: [spec: string, column: number, expected: RegExp][] = [
    ["", 0, /expected \[bind:\]port:host:hostport/],
    ["8o80:localhost:80", 0, /a port from 0 to 65535/],
    ["70000:localhost:80", 0, /a port from 0 to 65535/],
    ["8080:localhost:0", 15, /a port from 1 to 65535/],
    ["8080:localhost:http!", 15, /name of a service/],
    ["8080::80", 5, /expected a host/],
    ["8080:a b:80", 5, /expected a host/],
    ["8080:/a:80", 5, /expected a host/],
    ["/a:8080:host:80", 0, /expected a bind address/],
    ["::1:8080:localhost:80", 9, /IPv6 address goes in brackets/],
    ["[::1:8080", 9, /expected a "]"/],
    ["[::1]8080:localhost:80", 5, /a ":" after the "]"/],
    ["8080:localhost:80\\", 18, /a character after/],
    ["8080:localhost", 14, /":" and the port of the target/],
    ["8080:localhost:", 15, /expected the port of the target/],
    [
      "8080:3000",
      5,
      /a host before the port of the target: 8080:localhost:3000/,
    ],
    ["foo", 0, /a port from 0/],
    ["/a:8080:/b", 0, /a bind address/],
    ["a:8080:host:/b", 12, /a port from 1 to 65535/],
    [`8080:/${"a".repeat(107)}`, 5, /at most 107 bytes/],
    [
      "8080:${RFORWARD_NOT_SET}/a",
      5,
      /the environment variable RFORWARD_NOT_SET to be set/,
    ],
    ["8080:${A=B}/a", 5, /the environment variable A=B to be set/],
    ["8080:${}/a", 5, /the name of a variable/],
    ["8080:${HOME/a", 5, /the name of a variable/],
    ["ä:é:ü:x", 2, /a port/],
  ];
  for (const [spec, column, expected] of cases) {
    const error = assertThrows(() => parseForwardSpec(spec), ArgumentError);
    const [first = "", shown, caret] = error.message.split("\n");
    assertEquals([shown, caret], [`  ${spec}`, `  ${" ".repeat(column)}^`]);
    assertEquals(expected.test(first), true, first);
    assertEquals(error.argument, "-R");
  }
});

Deno.test("parseForwardSpec() shows no control characters to the terminal", () => {
  const error = assertThrows(
    () => parseForwardSpec("80:a\x1b[2J\tb:80"),
    ArgumentError,
  );
  assertEquals(error.message.split("\n")[1], "  80:a?[2J?b:80");
});

Deno.test("parseForwardSpec() takes what has no target for a SOCKS proxy", () => {
  for (
    const [text, bind] of [
      ["1080", { hostname: "localhost", port: 1080 }],
      ["1080:", { hostname: "localhost", port: 1080 }],
      ["*:1080", { hostname: "", port: 1080 }],
      ["[::1]:1080", { hostname: "::1", port: 1080 }],
      ["0", { hostname: "localhost", port: 0 }],
      ["/r.sock", { path: "/r.sock" }],
    ] as const
  ) assertEquals(parseForwardSpec(text), { bind, target: "socks", text });
});

Deno.test("parseRemoteForward() joins the two values of a RemoteForward line", () => {
  const where = "config:3";
  assertEquals(
    parseRemoteForward({ listen: "*:8080", connect: "localhost:80", where }),
    parseForwardSpec("*:8080:localhost:80"),
  );
  assertEquals(
    parseRemoteForward({ listen: "/r.sock", connect: "/${HOME}", where }),
    {
      bind: { path: "/r.sock" },
      target: { path: "/${HOME}" },
      text: "/r.sock:/${HOME}",
    },
  );
  const error = assertThrows(
    () => parseRemoteForward({ listen: "8080", connect: "localhost", where }),
    ArgumentError,
  );
  assertEquals(error.argument, where);
});

Deno.test("withoutDuplicates() keeps the first of equivalent forwards", () => {
  const specs = ["80:h:1", "localhost:80:h:1", "80:h:2", "/a:/b", "/a:/b"].map(
    (text) => parseForwardSpec(text),
  );
  assertEquals(
    withoutDuplicates(specs).map(({ text }) => text),
    ["80:h:1", "80:h:2", "/a:/b"],
  );
});

const alike = [
  "8080:localhost:80",
  "localhost:8080:localhost:80",
  "127.0.0.1:8080:127.0.0.1:80",
  "0.0.0.0:8080:h:80",
  "*:8080:h:80",
  ":8080:h:80",
  "[]:8080:h:80",
  "[::]:8080:h:80",
  "[::1]:8080:[::1]:80",
  "8080:[::1]:80",
  "8080:[fe80::1%eth0]:80",
  "[localhost]:[8080]:[h]:[80]",
  "0:h:80",
  "65535:h:65535",
  "65536:h:80",
  "8080:h:65536",
  "8080:h:0",
  "8080:h:-1",
  "-1:h:80",
  "-0:h:80",
  "+8080:h:80",
  " 8080:h:80",
  "8080:h: 80",
  "8080:h:80 ",
  "0080:h:0080",
  "0x50:h:80",
  "80.0:h:80",
  "1e3:h:80",
  "99999999999999999999:h:80",
  "http:h:https",
  "HTTP:h:80",
  "www:h:80",
  "no-such-service:h:80",
  "8080:h:no-such-service",
  "8080:/run/app.sock",
  "8080:./app.sock",
  "8080:app.sock",
  "*:8080:/run/app.sock",
  "[::1]:8080:/run/app.sock",
  "http:/run/app.sock",
  "nope:/run/app.sock",
  "/run/r.sock:h:80",
  "/run/r.sock:h:http",
  "/run/r.sock:[::1]:80",
  "/run/r.sock:h:0",
  "/run/r.sock:/run/l.sock",
  "./r.sock:./l.sock",
  "[/run/r:1.sock]:[/run/l:2.sock]",
  "/run/r\\:1.sock:/run/l\\:2.sock",
  "/run/a b.sock:/run/c d.sock",
  "8080:\\/run\\/app.sock",
  "80\\80:h:80",
  "8080:h\\:x:80",
  "8080:h:80\\",
  "8080:h:80:",
  "a:8080:h:80:",
  "a:8080:h:80:x",
  "::1:8080:h:80",
  "[::1:8080:h:80",
  "[::1]x:8080:h:80",
  "[::1]]:8080:h:80",
  "8080:[h:80",
  "a:b:c:d",
  "a:8080:/l.sock:80x",
  "/r.sock:8080:/l.sock",
  "a:8080:h:/l.sock",
  "",
  " ",
  ":",
  "::",
  ":::",
  "8080:h:",
  "8080:h",
  "foo",
  "8080:${HOME}/app.sock",
  "${HOME}/r.sock:h:80",
  "8080:${RFORWARD_NOT_SET}/a",
  "8080:${HOME/a",
  "8080:${}/a",
  "8080:$HOME/a",
  `8080:/${"a".repeat(106)}`,
  `8080:/${"a".repeat(107)}`,
  `/${"ä".repeat(54)}:h:80`,
  `8080:${"a".repeat(255)}:80`,
  `8080:${"a".repeat(1025)}:80`,
  "ä:8080:ü:80",
];

serverTest(
  "ssh",
  "parseForwardSpec() agrees with ssh",
  () => {
    for (const spec of alike) {
      const [printed] = askSsh(["-R", spec, "h"])?.get("remoteforward") ?? [];
      const asked = printed === undefined ? "refused" : asInSsh(printed);
      assertEquals(read(spec), asked, spec);
    }
    return Promise.resolve();
  },
);

serverTest(
  "ssh",
  "parseForwardSpec() refuses forwards that ssh accepts but that cannot work",
  () => {
    const without = [
      "8080:3000",
      "8080::80",
      "8080:a b:80",
      "8080:/a:80",
      "/a:8080:h:80",
      "a b:8080:h:80",
      `8080:${"a".repeat(256)}:80`,
      "8080:h:80:\\",
    ];
    for (const spec of without) {
      assertEquals(askSsh(["-R", spec, "h"])?.has("remoteforward"), true, spec);
      assertEquals(read(spec), "refused", spec);
    }
    return Promise.resolve();
  },
);

function read(text: string): string {
  try {
    return format(parseForwardSpec(text));
  } catch (error) {
    if (error instanceof ArgumentError) return "refused";
    throw error;
  }
}

/** As `ssh -G` prints it, with the address that ssh asks for. */
function format({ bind, target }: ForwardSpec): string {
  const listen = "path" in bind ? bind.path : `[${bind.hostname}]:${bind.port}`;
  const connect = target === "socks"
    ? "[socks]:0"
    : "path" in target
    ? target.path
    : `[${target.hostname}]:${target.port}`;
  return `${listen} ${connect}`;
}

/** Fills in the bind address that channel_rfwd_bind_host() uses for a missing one and for `*`. */
function asInSsh(printed: string): string {
  return printed.replace(/^(\d+) /, "[localhost]:$1 ").replace(/^\[\*\]/, "[]");
}
