import { resolveSshConfig } from "../../../src/cli/ssh_config/resolve_ssh_config.ts";
import { ArgumentError, RForwardError } from "../../../src/errors.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { randomNumbers } from "./random_numbers.ts";
import { testHome } from "./test_home.ts";

Deno.test("resolveSshConfig() gives ssh's defaults where nothing is configured", async () => {
  await using home = await testHome();

  assertEquals(await home.resolve("", "Server.Example"), {
    host: "Server.Example",
    hostName: "server.example",
    user: "local",
    port: 22,
    identityFiles: [
      "id_rsa",
      "id_ecdsa",
      "id_ecdsa_sk",
      "id_ed25519",
      "id_ed25519_sk",
      "id_xmss",
      "id_dsa",
    ].map((name) => ({ path: `${home.path}/.ssh/${name}`, explicit: false })),
    certificateFiles: [],
    userKnownHostsFiles: [
      `${home.path}/.ssh/known_hosts`,
      `${home.path}/.ssh/known_hosts2`,
    ],
    globalKnownHostsFiles: [
      "/etc/ssh/ssh_known_hosts",
      "/etc/ssh/ssh_known_hosts2",
    ],
    updateHostKeys: "yes",
    remoteForwards: [],
    warnings: [],
  });
});

Deno.test("resolveSshConfig() reads every option that it knows", async () => {
  await using home = await testHome();
  home.environment.AGENT = "/run/agent";

  const settings = await home.resolve(
    `
    HostName 127.1
    User alice
    Port 2222
    AddressFamily inet
    BindAddress 192.0.2.1
    ConnectTimeout 1m30s
    ConnectionAttempts 3
    ServerAliveInterval 15
    ServerAliveCountMax 4
    TCPKeepAlive no
    ProxyJump bob@one:23,[2001:db8::1],ssh://carol@three:24
    IdentityFile ~/.ssh/%r@%h
    IdentityFile "/keys/with blank"
    IdentityFile /keys/%%
    CertificateFile ~/cert.pub
    IdentitiesOnly yes
    IdentityAgent $AGENT
    PubkeyAuthentication host-bound
    PasswordAuthentication no
    ChallengeResponseAuthentication no
    PreferredAuthentications publickey,password
    NumberOfPasswordPrompts 1
    BatchMode yes
    StrictHostKeyChecking off
    HashKnownHosts yes
    RevokedHostKeys /revoked
    UpdateHostKeys ask
    RequiredRSASize 3072
    CASignatureAlgorithms -rsa*
    HostKeyAlias Alias
    UserKnownHostsFile ~/known /known/%k
    GlobalKnownHostsFile none
    HostKeyAlgorithms +ssh-rsa
    Ciphers -*cbc
    MACs ^hmac-sha2-256
    KexAlgorithms curve25519-sha256
    RemoteForward 8080 localhost:80
    RemoteForward [::1]:8081 [::1]:81
    RemoteForward /run/%h.sock /run/%%%p.sock
    RemoteForward 1080
    RemoteForward 8080 localhost:80
    ExitOnForwardFailure yes
    StreamLocalBindUnlink yes
    LogLevel debug
    `,
    "server",
  );

  const where = (line: number) => `${home.path}/config:${line}`;
  assertEquals(settings, {
    host: "server",
    hostName: "127.0.0.1",
    user: "alice",
    port: 2222,
    addressFamily: "inet",
    bindAddress: "192.0.2.1",
    connectTimeoutMs: 90_000,
    connectionAttempts: 3,
    serverAliveIntervalMs: 15_000,
    serverAliveCountMax: 4,
    tcpKeepAlive: false,
    proxyJump: [
      { user: "bob", host: "one", port: 23 },
      { host: "2001:db8::1" },
      { user: "carol", host: "three", port: 24 },
    ],
    identityFiles: [
      { path: `${home.path}/.ssh/alice@127.0.0.1`, explicit: true },
      { path: "/keys/with blank", explicit: true },
      { path: "/keys/%", explicit: true },
    ],
    certificateFiles: [`${home.path}/cert.pub`],
    identitiesOnly: true,
    identityAgent: "/run/agent",
    pubkeyAuthentication: true,
    passwordAuthentication: false,
    kbdInteractiveAuthentication: false,
    preferredAuthentications: ["publickey", "password"],
    numberOfPasswordPrompts: 1,
    batchMode: true,
    strictHostKeyChecking: "no",
    hashKnownHosts: true,
    hostKeyAlias: "alias",
    userKnownHostsFiles: [`${home.path}/known`, "/known/alias"],
    revokedHostKeys: "/revoked",
    updateHostKeys: "ask",
    requiredRsaSize: 3072,
    caSignatureAlgorithms: "-rsa*",
    globalKnownHostsFiles: [],
    hostKeyAlgorithms: "+ssh-rsa",
    ciphers: "-*cbc",
    macs: "^hmac-sha2-256",
    kexAlgorithms: "curve25519-sha256",
    remoteForwards: [
      { listen: "8080", connect: "localhost:80", where: where(38) },
      { listen: "[::1]:8081", connect: "[::1]:81", where: where(39) },
      {
        listen: "/run/127.0.0.1.sock",
        connect: "/run/%2222.sock",
        where: where(40),
      },
      { listen: "1080", where: where(41) },
    ],
    exitOnForwardFailure: true,
    streamLocalBindUnlink: true,
    logLevel: "DEBUG1",
    warnings: [],
  });
});

Deno.test("resolveSshConfig() lets the command line come before the files, and the first value win", async () => {
  await using home = await testHome();
  const text = "Port 3\nUser c\nPort 4\nIdentityFile /file";

  const settings = await home.resolve(text, "server", {
    user: "a",
    options: ["User=b", "Port = 2", "port 5", "IdentityFile /option"],
  });

  assertEquals([settings.user, settings.port], ["a", 2]);
  assertEquals(
    settings.identityFiles.map(({ path }) => path),
    ["/option", "/file"],
  );
  const { port } = await home.resolve(text, "server", { port: 1 });
  assertEquals(port, 1);
});

Deno.test("resolveSshConfig() reads the user's file, then the system's, and no file for none", async () => {
  await using home = await testHome();
  const { machine } = home;
  await home.write(".ssh/config", "Include other\nUser config");
  await home.write(".ssh/other", "Port 7");

  const { user, port } = await resolveSshConfig({ host: "a", machine });
  assertEquals([user, port], ["config", 7]);
  const none = await resolveSshConfig({
    host: "a",
    machine,
    configFile: "None",
  });
  assertEquals([none.user, none.port], ["local", 22]);
});

Deno.test("resolveSshConfig() applies Host blocks to the host as it was typed", async () => {
  await using home = await testHome();
  const text = `
    HostName name.example
    Host name.example
      Port 1
    Host * !alias
      Port 2
    Host other "alia?"
      Port 3
    Host *
      Port 4`;
  assertEquals((await home.resolve(text, "alias")).port, 3);
  assertEquals((await home.resolve(text, "ALIAS")).port, 2);
});

Deno.test("resolveSshConfig() applies Match blocks when all criteria hold", async () => {
  await using home = await testHome();
  for (
    const [criteria, expected] of [
      ["all", true],
      ["!all", false],
      ["host name.EXAMPLE", true],
      ["host=alias", false],
      ["!host alias", true],
      ["host *.example,!name.*", false],
      ["originalhost alias", true],
      ["originalhost name.example", false],
      ["user alice", true],
      ["user local", false],
      ["localuser local user a*", true],
      ["localuser local !user a*", false],
      ["host name.example host other", false],
      ["host name.example # host other", true],
      ["exec true", true],
      ["!exec true", false],
      ['exec "test %n/%h/%r/%p/%u = alias/name.example/alice/22/local"', true],
      ["host other exec kill", false],
      ["canonical", false],
      ["tagged x", false],
      ["!tagged x", false],
    ] as const
  ) {
    const { port } = await home.resolve(
      `HostName name.example\nUser alice\nMatch ${criteria}\nPort 1\n`,
      "alias",
    );
    assertEquals(port === 1, expected, criteria);
  }
});

Deno.test("resolveSshConfig() reads files a second time if Match final or CanonicalizeHostname wants it", async () => {
  await using home = await testHome();
  const blocks = `
    HostName Name.example
    Host name.example
      Port 1
    Match canonical
      User second`;

  const once = await home.resolve(`${blocks}\nRemoteForward 1 a:1`, "alias");
  assertEquals([once.port, once.user], [22, "local"]);
  for (
    const also of ["Match final\nBatchMode yes", "CanonicalizeHostname yes"]
  ) {
    const twice = await home.resolve(
      `RemoteForward 1 a:1\n${also}\nMatch all\n${blocks}`,
      "alias",
    );
    assertEquals([twice.port, twice.user], [1, "second"], also);
    assertEquals(twice.remoteForwards.length, 1);
  }
});

Deno.test("resolveSshConfig() includes files where the line stands", async () => {
  await using home = await testHome();
  await home.write(".ssh/conf.d/2", "Port 2\nUser two");
  await home.write(".ssh/conf.d/1", "Host b\nPort 1");
  await home.write(".ssh/deep/a", "Include deep/b");
  await home.write(".ssh/deep/b", "BatchMode yes");
  const text = `
    Host a b
      Include conf.d/* none/*
      HashKnownHosts yes
    Host c
      Include ${home.path}/.ssh/conf.d/2 ~/.ssh/deep/a`;

  const a = await home.resolve(text, "a");
  assertEquals([a.port, a.user, a.hashKnownHosts], [2, "two", true]);
  const b = await home.resolve(text, "b");
  assertEquals([b.port, b.hashKnownHosts], [1, true]);
  const c = await home.resolve(text, "c");
  assertEquals([c.user, c.batchMode], ["two", true]);
  const d = await home.resolve(text, "d");
  assertEquals([d.port, d.batchMode], [22, undefined]);
});

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
      // Root's own are good for everyone, as are one's own.
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

Deno.test("resolveSshConfig() lets IgnoreUnknown pass what it names", async () => {
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

Deno.test("resolveSshConfig() expands tokens and variables once", async () => {
  await using home = await testHome();
  home.environment.VAR = "%h~";
  const { userKnownHostsFiles } = await home.resolve(
    "User %r\nHostName h-%h\nHostKeyAlias k\nPort 5\n" +
      "UserKnownHostsFile /%%/%d/%h/%i/%k/%L/%l/%n/%p/%r/%u ${VAR} /~ %C",
    "n",
  );
  assertEquals(userKnownHostsFiles, [
    `/%/${home.path}/h-n/${home.machine.uid}/k/here/here.example/n/5/%r/local`,
    "%h~",
    "/~",
    // printf %s here.exampleh-n5%r | sha1sum
    "0c45d522433575e01c5a648af3d097a631206091",
  ]);
});

Deno.test("resolveSshConfig() lets the first of ProxyJump and ProxyCommand win, and none bar", async () => {
  await using home = await testHome();
  for (
    const [text, jump, command] of [
      ["ProxyJump j\nProxyCommand nc", "j", undefined],
      ["ProxyCommand nc %h %p\nProxyJump j", undefined, "nc server 22"],
      ["ProxyCommand none\nProxyJump j", undefined, undefined],
      ["ProxyJump none\nProxyJump j", undefined, undefined],
      ["ProxyJump none\nProxyCommand nc", undefined, "nc"],
      ["ProxyJump %r.%h # c", "local.server", undefined],
      [`ProxyCommand = "a b" 'c' # d`, undefined, `"a b" 'c' # d`],
    ] as const
  ) {
    const { proxyJump, proxyCommand } = await home.resolve(text, "server");
    assertEquals([proxyJump?.[0]?.host, proxyCommand], [jump, command], text);
  }
});

Deno.test("resolveSshConfig() finds the agent's socket", async () => {
  await using home = await testHome();
  const { environment } = home;
  const agent = async (line: string) =>
    (await home.resolve(line, "server")).identityAgent;
  assertEquals(await agent(""), undefined);
  environment.SSH_AUTH_SOCK = "/run/usual";
  environment.OTHER = "/run/other";
  assertEquals(await agent(""), "/run/usual");
  assertEquals(await agent("IdentityAgent SSH_AUTH_SOCK"), "/run/usual");
  assertEquals(await agent("IdentityAgent none"), undefined);
  assertEquals(await agent("IdentityAgent $OTHER"), "/run/other");
  assertEquals(await agent("IdentityAgent $MISSING"), undefined);
  assertEquals(await agent("IdentityAgent ${OTHER}/%n"), "/run/other/server");
  assertEquals(await agent("IdentityAgent ~/agent"), `${home.path}/agent`);
});

Deno.test("resolveSshConfig() forgets forwards that are to be cleared, and keys that are none", async () => {
  await using home = await testHome();
  const settings = await home.resolve(
    "RemoteForward 1 a:1\nClearAllForwardings yes\nIdentityFile none",
    "server",
  );
  assertEquals(settings.remoteForwards, []);
  assertEquals(settings.clearAllForwardings, true);
  assertEquals(settings.identityFiles, []);
});

Deno.test("resolveSshConfig() writes addresses in their usual form", async () => {
  await using home = await testHome();
  for (
    const [host, expected] of [
      ["127.1", "127.0.0.1"],
      ["2001:DB8:0::1", "2001:db8::1"],
      ["fe80::1%eth0", "fe80::1%eth0"],
      ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
      ["999.1.1.1", "999.1.1.1"],
      ["Face.B", "face.b"],
    ] as const
  ) {
    assertEquals((await home.resolve("", host)).hostName, expected);
  }
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
