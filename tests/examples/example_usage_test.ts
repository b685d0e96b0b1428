/** Examples that are called wrongly, or whose login is refused, say so. */
import { assertEquals, assertMatch } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { startSshd } from "../servers/openssh.ts";
import { THOROUGH } from "../thorough.ts";
import { startExample } from "./example_process.ts";
import { createHome } from "./create_home.ts";

/** Arguments that an example takes, but for the server's URL. */
const furtherArgs: Record<string, string[]> = {
  "handler.ts": ["0"],
  "http.ts": ["0"],
  "line_protocol.ts": ["0"],
  "metrics.ts": ["0", "9", "0"],
  "logging.ts": ["0"],
  "raw_tcp.ts": ["0:9"],
  "static_folder.ts": ["0", "examples"],
  "unix_socket.ts": ["/nowhere"],
  "x2go_folder.ts": ["session", "/nowhere"],
  "x2go_print.ts": ["session"],
  "x2go_session.ts": ["list"],
  "x2go_sound.ts": ["session", "/nowhere"],
};

/** Whose arguments are wrong in every way by default; RFORWARD_THOROUGH=1 calls all examples so. */
const THOROUGHLY = ["handler.ts"];

/** How an example ends, and all that it says. */
async function endOf(
  name: string,
  args: string[],
  options: { permissions?: string[]; env?: Record<string, string> } = {},
): Promise<{ code: number; output: string }> {
  await using example = startExample({
    name,
    permissions: [],
    args,
    config: "tests/examples/std/deno.json",
    ...options,
  });
  const { code } = await example.status;
  return { code, output: await example.output() };
}

Deno.test("each example says how it is used if an argument is missing or wrong", async () => {
  for (const [name, further] of Object.entries(furtherArgs)) {
    const url = "ssh://alice@server.example";
    const wrong = [[], [url, ...further.slice(1)]];
    if (THOROUGH || THOROUGHLY.includes(name)) {
      wrong.push(
        further,
        ["alice@server.example", ...further],
        ["ssh://server.example", ...further],
      );
    }
    if (further[0] === "0") wrong.push([url, "80x"]);
    if (name === "x2go_session.ts") wrong.push([url, "lst"], [url, "start"]);
    for (const args of wrong) {
      const { code, output } = await endOf(name, args);
      assertEquals(code, 2, `${name} ${args.join(" ")}: ${output}`);
      assertMatch(output, new RegExp(`^usage: ${name} ssh://USER@HOST.*$`));
    }
  }
});

Deno.test("examples/forward.ts says which flag is missing or wrong", async () => {
  const given = ["--bind", "127.0.0.1:0", "--target"];
  for (
    const [args, says] of [
      [[], /^--bind is missing; .*$/],
      [["--bnd", "127.0.0.1:0"], /^Unknown option '--bnd'.*$/],
      [given, /^Option '--target <value>' argument missing$/],
      [[...given, "8080"], /^8080 is not HOST:PORT$/],
    ] satisfies [string[], RegExp][]
  ) {
    const { code, output } = await endOf("forward.ts", args);
    assertMatch(output, says);
    assertEquals(code, 2);
  }
});

serverTest("sshd", "each example says why its login was refused", async () => {
  await using server = await startSshd();
  const { home, url, permissions } = await createHome(server);
  const wrong = url.replace(`${server.user}@`, "nobody-of-that-name@");
  for (const [name, further] of Object.entries(furtherArgs)) {
    const { code, output } = await endOf(name, [wrong, ...further], {
      permissions: [
        `${permissions[0]},127.0.0.1`,
        permissions[1]!,
        `${permissions[2]},examples`,
      ],
      env: { HOME: home },
    });
    assertMatch(
      output,
      /the server refused the login of nobody-of-that-name; tried:/,
    );
    assertEquals([code, / at .*file:/.exec(output)], [1, null]);
  }
});
