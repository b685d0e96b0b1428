/** Which files, blocks and options resolveSshConfig() reads, and in which order they count. */
import { resolveSshConfig } from "../../../src/cli/ssh_config/resolve_ssh_config.ts";
import { assertEquals } from "../../assert.ts";
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

Deno.test("resolveSshConfig() reads files a second time for Match final and CanonicalizeHostname", async () => {
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
