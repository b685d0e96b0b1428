/** Configuration that ssh would refuse is refused, with the place; the rest never throws anything else. */
import { resolveSshConfig } from "../../../src/cli/ssh_config/resolve_ssh_config.ts";
import { ArgumentError, RForwardError } from "../../../src/errors.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { randomNumbers } from "../../random_numbers.ts";
import { testHome } from "./test_home.ts";

Deno.test("resolveSshConfig() refuses files that include one another without end", async () => {
  await using home = await testHome();
  await home.write(".ssh/loop", "Include loop");
  const error = await assertRejects(
    () => home.resolve("Host other\nInclude loop", "server"),
    ArgumentError,
  );
  assertEquals(error.argument, `${home.path}/.ssh/loop:1`);
  assertMatch(error.message, /deeper than 16 files/);
});

Deno.test({
  name:
    "resolveSshConfig() refuses files that others may write, but not one that was named",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using home = await testHome();
    const { machine } = home;
    for (const mode of [0o620, 0o602, 0o666]) {
      const file = await home.write(".ssh/config", "Port 1");
      await Deno.chmod(file, mode);
      const error = await assertRejects(
        () => resolveSshConfig({ host: "a", machine }),
        ArgumentError,
      );
      assertEquals(error.argument, file);
      assertMatch(error.message, /chmod go-w/);
      await assertRejects(
        () => home.resolve("Include config", "a"),
        ArgumentError,
      );
      const { port } = await resolveSshConfig({
        host: "a",
        machine,
        configFile: file,
      });
      assertEquals(port, 1);
    }
    const file = await home.write(".ssh/config", "Port 1");
    const stranger = { ...machine, uid: 1 + (Deno.uid() ?? 0) };
    const host = "a";
    if (Deno.uid() === 0) {
      // Files of root are accepted, as are the user's own.
      await resolveSshConfig({ host, machine: stranger });
      await Deno.chown(file, 12345, 12345);
      await resolveSshConfig({ host, machine: { ...machine, uid: 12345 } });
    }
    await assertRejects(
      () => resolveSshConfig({ host, machine: stranger }),
      ArgumentError,
    );
  },
});

Deno.test("resolveSshConfig() names the place of a line that ssh would refuse", async () => {
  await using home = await testHome();
  for (
    const [line, problem] of [
      ["Prot 22", /Prot is not an option of ssh; IgnoreUnknown/],
      [
        "ServerAliveIntervall 3",
        /ServerAliveIntervall is not an option of ssh; did you mean ServerAliveInterval\?/,
      ],
      ["localforwards a b", /did you mean LocalForward\?/],
      ["constructor x", /is not an option/],
      ["Port", /has no argument/],
      ["Port =", /has no argument/],
      ['User ""', /has no argument/],
      ["User # comment", /has no argument/],
      ["User 'a", /quote that is not closed/],
      ["User a b", /more arguments than it takes: "b"/],
      ["Port x", /cannot be "x"; use a number/],
      ["Port 0", /cannot be "0"/],
      ["Port 65536", /from 1 to 65535/],
      ["BatchMode maybe", /cannot be "maybe"; use yes, true, no, false/],
      ["StrictHostKeyChecking new", /accept-new/],
      ["ConnectTimeout 1x", /1m30s/],
      ["ConnectTimeout 99999999999", /1m30s/],
      ["ServerAliveCountMax -1", /use a whole number/],
      ["ConnectionAttempts 0", /1 or more/],
      ["UserKnownHostsFile a none", /none only alone/],
      ["UserKnownHostsFile %z", /does not know "%z"; use %%, %C/],
      ["UserKnownHostsFile %", /does not know "%"/],
      ["UserKnownHostsFile ${NONE}", /NONE, which is not set/],
      ["UserKnownHostsFile ${NONE", /not \$\{NAME\}/],
      ["IdentityFile ~nobody/key", /home directory of another user/],
      ["IdentityAgent $a-b", /use \$NAME or a path/],
      ["IdentityAgent ${NONE}", /not set/],
      ["HostName %r", /does not know "%r"; use %%, %h/],
      ["ProxyCommand nc %u", /does not know "%u"/],
      ["ProxyJump a,,b", /at ""/],
      ["ProxyJump a:0", /at "a:0"/],
      ["ProxyJump ssh://a/path", /path/],
      ["ProxyJump server", /leads to server through itself/],
      ["RemoteForward 8080 localhost", /port of the target/],
      ["RemoteForward ${NONE} a:1", /not set/],
      ["Match", /has no argument/],
      ["Match # x", /has no criteria/],
      ["Match host", /host has no argument/],
      ["Match hots a", /no criterion "hots"/],
      ["Match host a user b all", /all cannot be combined/],
      ["Match all host a", /all cannot be combined/],
      ["Match exec 'a b", /quote/],
      ['Match exec "kill $$"', /exec ended by SIGTERM/],
      ["Include ~nobody/x", /another user/],
    ] as const
  ) {
    const error = await assertRejects(
      () => home.resolve(`# comment\n\n${line}\n`, "server"),
      ArgumentError,
    );
    assertEquals(error.argument, `${home.path}/config:3`, line);
    assertMatch(error.message, problem);
  }
});

Deno.test("resolveSshConfig() refuses bad lines also where they have no effect", async () => {
  await using home = await testHome();
  await home.write(".ssh/bad", "Prot 22");
  for (const line of ["Prot 22", "Port x", "Include bad"]) {
    await assertRejects(
      () => home.resolve(`Host other\n${line}`, "server"),
      ArgumentError,
    );
  }
});

Deno.test("resolveSshConfig() names the option of the command line that ssh would refuse", async () => {
  for (
    const [option, argument] of [
      ["Prot=22", "-o Prot"],
      ["Port=x", "-o Port"],
      ["Host=a", "-o Host"],
      ["match all", "-o match"],
      ["Include /x", "-o Include"],
      ["SetEnv", "-o SetEnv"],
    ] as const
  ) {
    const error = await assertRejects(
      () =>
        resolveSshConfig({ host: "a", configFile: "none", options: [option] }),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});

Deno.test("resolveSshConfig() refuses a file that is not there, and names that would harm a shell", async () => {
  await using home = await testHome();
  const { machine } = home;
  const configFile = `${home.path}/none`;
  for (
    const [request, argument] of [
      [{ host: "a", configFile }, "-F"],
      [{ host: "-oProxyCommand=x" }, "destination"],
      [{ host: "$(x)" }, "destination"],
      [{ host: "" }, "destination"],
      [{ host: "a", user: "-x" }, "User"],
      [{ host: "a", options: ["User=`x`"] }, "User"],
      [{ host: "a", port: 65536 }, "port"],
    ] as const
  ) {
    const error = await assertRejects(
      () => resolveSshConfig({ machine, ...request }),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
  }
});

Deno.test("resolveSshConfig() ignores the options that IgnoreUnknown names", async () => {
  await using home = await testHome();
  const { port } = await home.resolve(
    "IgnoreUnknown use*,!useless,foo\nUseApple yes 1 2\nFOO x\nPort 1",
    "server",
  );
  assertEquals(port, 1);
  await assertRejects(
    () => home.resolve("IgnoreUnknown use*,!useless\nUseless 1", "server"),
    ArgumentError,
  );
});

Deno.test("resolveSshConfig() warns once of each option that has no effect and would have one", async () => {
  await using home = await testHome();
  const { warnings } = await home.resolve(
    `
    LocalForward 1 a:1
    localforward 2 a:2
    DynamicForward 1080
    Tunnel no
    KnownHostsCommand none
    RekeyLimit default
    VerifyHostKeyDNS yes
    CanonicalizeHostname always
    SendEnv LANG LC_*
    GSSAPIAuthentication yes
    Protocol 2
    Host other
      BindInterface eth0
    Match tagged x
    Match all
      Tunnel yes`,
    "server",
    { options: ["PKCS11Provider=/lib/x.so"] },
  );
  const file = `${home.path}/config`;
  assertEquals(warnings, [
    "-o PKCS11Provider: PKCS11Provider has no effect here",
    `${file}:2: LocalForward has no effect here`,
    `${file}:4: DynamicForward has no effect here`,
    `${file}:8: VerifyHostKeyDNS has no effect here`,
    `${file}:9: CanonicalizeHostname has no effect here`,
    `${file}:15: Match tagged never matches here`,
    `${file}:17: Tunnel has no effect here`,
  ]);
});

Deno.test({
  name: "resolveSshConfig() says which permission it needs",
  permissions: { read: false, env: false, sys: false },
  async fn() {
    for (
      const [request, flag] of [
        [{ host: "a", user: "b", configFile: "/x" }, /--allow-read=\/x/],
        [{ host: "a", configFile: "none" }, /--allow-sys=uid,gid,userInfo/],
        [{ host: "a", user: "b" }, /--allow-env=(HOME|USERPROFILE)/],
      ] as const
    ) {
      const error = await assertRejects(
        () => resolveSshConfig(request),
        RForwardError,
      );
      assertEquals(error.code, "permission-denied");
      assertMatch(error.message, flag);
    }
  },
});

Deno.test("resolveSshConfig() throws nothing but ArgumentError, whatever a file holds", async () => {
  await using home = await testHome();
  home.environment.SHELL = "/bin/false";
  const random = randomNumbers(1);
  const pieces = [
    ..."Host Match Include Port User IdentityFile RemoteForward ProxyJump"
      .split(
        " ",
      ),
    ..."HostName ConnectTimeout IdentityAgent UserKnownHostsFile exec".split(
      " ",
    ),
    ..." \n\n \n=\t\"'\\#%$~{}[]:,@!*?-\0\r\f9".split(""),
    "ssh://",
    "${",
    "é\u2028😀",
    "\ud800",
  ];
  let refused = 0;
  for (let round = 0; round < 1000; round++) {
    const text = round % 4 === 0
      ? Uint8Array.from({ length: random(200) }, () => random(256))
      : Array.from({ length: random(40) }, () => pieces[random(pieces.length)])
        .join("");
    try {
      await home.resolve(text, "server", {
        options: typeof text === "string" ? [text] : [],
      });
    } catch (error) {
      assert(error instanceof ArgumentError, `${Deno.inspect(error)}: ${text}`);
      refused++;
    }
  }
  assert(refused > 100 && refused < 1000, `${refused} refused`);
});
