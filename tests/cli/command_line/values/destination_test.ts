import { parseDestination } from "../../../../src/cli/command_line/values/destination.ts";
import { ArgumentError } from "../../../../src/errors.ts";
import { assertEquals, assertThrows } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { askSsh } from "../ssh_oracle.ts";

Deno.test("parseDestination() accepts a host, and a user up to the last @", () => {
  assertEquals(parseDestination("server"), { host: "server" });
  assertEquals(parseDestination("a@b@::1"), { host: "::1", user: "a@b" });
});

Deno.test("parseDestination() accepts a URI, also with an IPv6 address", () => {
  assertEquals(parseDestination("ssh://a%40b@server:2222/"), {
    host: "server",
    user: "a@b",
    port: 2222,
  });
  assertEquals(parseDestination("ssh://[fe80::1%eth0]:22"), {
    host: "fe80::1%eth0",
    port: 22,
  });
  assertEquals(parseDestination("ssh://[::1]"), { host: "::1" });
});

Deno.test("parseDestination() says what is valid", () => {
  const error = assertThrows(
    () => parseDestination("ssh://server/path"),
    ArgumentError,
  );
  assertEquals(
    error.message,
    'destination: "ssh://server/path" has a path after the host; use [user@]host or ssh://[user@]host[:port]',
  );
});

Deno.test("parseDestination() says how to name a port", () => {
  for (const text of ["server:2222", "alice@server:2222", "a@[::1]:2222"]) {
    const error = assertThrows(() => parseDestination(text), ArgumentError);
    assertEquals(
      error.message,
      `destination: "${text}" has a port; for the port use -p 2222 or ssh://${text}`,
    );
  }
});

Deno.test("parseDestination() refuses an empty host", () => {
  for (const text of ["", "alice@", "ssh://", "ssh://alice@:22"]) {
    assertThrows(() => parseDestination(text), ArgumentError);
  }
});

const destinations = [
  "server",
  "Server.Example",
  "::1",
  "[::1]",
  "alice@server",
  "a@b@server",
  "@server",
  "-server",
  "-",
  "alice@-server",
  "-alice@server",
  "al ice@server",
  "al -ice@server",
  "alice\\@server",
  "DOMAIN\\alice@server",
  "al$ice@server",
  "al;ice@server",
  "al|ice@server",
  "al'ice@server",
  "al\nice@server",
  "ser ver",
  "ser$ver",
  "ser`ver",
  "ser\\ver",
  "ser(ver",
  "ser\tver",
  "ser%ver",
  "sérver",
  "~server",
  "ssh:server",
  "SSH://server",
  "ssh://server",
  "ssh://server/",
  "ssh://server:",
  "ssh://server:22",
  "ssh://server:2222/",
  "ssh://server:ssh",
  "ssh://server:0",
  "ssh://server:65536",
  "ssh://server:-1",
  "ssh://server:22x",
  "ssh://server/path",
  "ssh://server:22/path",
  "ssh://alice@server",
  "ssh://alice@server:2222/",
  "ssh://@server",
  "ssh://a@b@server",
  "ssh://al%69ce@server",
  "ssh://al%40ice@server",
  "ssh://al%C3%A9ce@server",
  "ssh://al%4@server",
  "ssh://al%zz@server",
  "ssh://al+ice@server",
  "ssh://alice;fingerprint=x@server",
  "ssh://al%3Bice@server",
  "ssh://-server",
  "ssh://ser ver",
  "ssh://ser_ver",
  "ssh://sérver",
  "ssh://server:22:22",
];

serverTest(
  "ssh",
  "parseDestination() agrees with ssh",
  () => {
    const nobody = askSsh(["server"])?.get("user")?.[0] ?? "";
    for (const text of destinations) {
      const settings = askSsh(["--", text]);
      const asked = settings === undefined
        ? "refused"
        : ["user", "host", "port"].map((name) => settings.get(name)?.[0]);
      assertEquals(read(text, nobody), asked, text);
    }
    return Promise.resolve();
  },
);

function read(text: string, nobody: string) {
  try {
    const { user = nobody, host, port = 22 } = parseDestination(text);
    return [user, host, `${port}`];
  } catch (error) {
    if (error instanceof ArgumentError) return "refused";
    throw error;
  }
}
