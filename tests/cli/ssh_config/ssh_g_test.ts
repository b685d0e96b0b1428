import {
  resolveSshConfig,
  type SshConfigRequest,
} from "../../../src/cli/ssh_config/resolve_ssh_config.ts";
import { ArgumentError } from "../../../src/errors.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { randomNumbers } from "../../random_numbers.ts";
import {
  askAlgorithms,
  askSsh,
  asPrinted,
  comparable,
  sshMachine,
} from "./ssh_g.ts";
import { testHome } from "./test_home.ts";

/** A file, the host, and what else the command line says. */
type Case = [
  text: string,
  host?: string,
  request?: Pick<SshConfigRequest, "options" | "user" | "port">,
];

const blocks = `
Host alias
  HostName %h.Example
  User alice
Host *.example
  Port 1
Host * !other
  Port 2
  IdentityFile ~/.ssh/first
Match host alias.example user al*,!root
  IdentityFile ~/.ssh/second
  ServerAliveInterval 1m30s
Match !originalhost alias,other
  Ciphers aes256-ctr
Match final host *.example
  ConnectTimeout 7
`;

const cases: Case[] = [
  [""],
  ["", "Server.Example"],
  ["", "192.0.2.1"],
  ["", "127.1"],
  ["", "2001:DB8::0:1"],
  ["", "server", { user: "bob", port: 23 }],
  ["", "server", { options: ["User=bob", "port 23", "PORT=24", "#x", ""] }],
  ["User c", "server", { user: "bob", options: ["User=d"] }],
  [blocks, "alias"],
  [blocks, "other"],
  [blocks, "third"],
  [blocks, "x.example"],
  [blocks, "ALIAS"],
  ["Host a ! b\nPort 1", "a"],
  ["Host !a\nPort 1", "b"],
  ['Host "a b" a#b #c\nPort 1', "a#b"],
  ["Match all\nPort 1\nMatch !all\nUser x"],
  ['Match exec true exec "test %n = server"\nPort 1'],
  ["Match exec false\nPort 1\nMatch !exec false\nPort 2"],
  ["Match canonical\nPort 1\nMatch !canonical\nPort 2"],
  ["Match canonical\nPort 1\nMatch !final\nUser x"],
  ["CanonicalizeHostname yes\nMatch canonical all\nPort 1"],
  ["HostName b\nMatch final\nPort 1\nHost b\nUser x\nHost a\nUser y", "a"],
  ['Port = 5\r\nUser=\'a b\'\t\n"IdentityFile" "/a b" # x\n=BatchMode yes'],
  ['Po"rt" 5\nUser "a\\"b\\\\ c"\n"Port 6\nBatchMode yes\f'],
  ["IdentityFile ~/a\nIdentityFile none\nIdentityFile ~/a\nIdentityFile /b"],
  ["CertificateFile ~/a\nCertificateFile /b\nCertificateFile ~/a"],
  ["UserKnownHostsFile ~/a /%%/%C/%d/%h/%i/%k/%L/%l/%n/%p/%r/%u"],
  ["UserKnownHostsFile none\nGlobalKnownHostsFile none"],
  ["UserKnownHostsFile a b\nUserKnownHostsFile c\nGlobalKnownHostsFile ~/d e"],
  ["UserKnownHostsFile ${HOME}/a\nIdentityAgent ${HOME}/%h"],
  ["HostKeyAlias Alias\nUserKnownHostsFile %k"],
  ["RevokedHostKeys ~/%h\nRevokedHostKeys /b"],
  ["RevokedHostKeys None\nRevokedHostKeys /b"],
  ["IdentityAgent none"],
  ["IdentityAgent SSH_AUTH_SOCK"],
  ["IdentityAgent $HOME"],
  ["IdentityAgent ~/agent"],
  ["ProxyJump a@b:22,c,[::1]:23"],
  ["ProxyJump none\nProxyJump a"],
  ["ProxyJump a\nProxyCommand nc"],
  ["ProxyJump none\nProxyCommand nc"],
  ["ProxyJump a@b:3,ssh://us%65r@10.0.0.1:4"],
  ["ProxyCommand = nc 'a'  b # c\nProxyJump a"],
  ["ProxyCommand None\nProxyJump a"],
  ["RemoteForward 8080 localhost:80\nRemoteForward 8080 localhost:80"],
  ["RemoteForward *:8080 [::1]:80\nRemoteForward [::1]:1 a:2"],
  ["RemoteForward /a/%h /b/%p\nRemoteForward ${HOME}/a a:2\nRemoteForward 1"],
  ["RemoteForward 1 a:2\nClearAllForwardings yes"],
  ["RekeyLimit 1G 1h\nCompression yes"],
  ["RekeyLimit default none\nRekeyLimit 512m 5\nCompression no"],
  ["RekeyLimit 16 0\nRekeyLimit 1k 1h"],
  ["ConnectTimeout none\nConnectTimeout 1W2d3H4m5s6\nServerAliveInterval 0"],
  ["ServerAliveCountMax 0\nNumberOfPasswordPrompts +7\nConnectionAttempts 2"],
  ["StrictHostKeyChecking accept-new\nHashKnownHosts TRUE"],
  ["StrictHostKeyChecking off\nLogLevel quiet\nAddressFamily INET6"],
  ["Ciphers ^aes256-ctr\nMACs -*etm*\nKexAlgorithms +diffie-hellman-group1-sha1"],
  ["HostKeyAlgorithms ^ssh-*,*nistp256\nCiphers -aes???-ctr,chacha*"],
  ["PubkeyAcceptedAlgorithms -ssh-*\nCASignatureAlgorithms ^rsa-sha2-512"],
  ["RequiredRSASize 3072\nUpdateHostKeys ask\nSessionType none"],
  ["UpdateHostKeys no\nRemoteCommand echo %h\nUserKnownHostsFile /a"],
  ["PubkeyAuthentication unbound\nPreferredAuthentications publickey,password"],
  ["IgnoreUnknown foo*,b?r\nFooX 'y'\nBar 1 2 3"],
  ["LocalForward 1 a:2\nSendEnv X Y\nProtocol 2\nRSAAuthentication yes"],
  ["KeepAlive no\nSkeyAuthentication no\nDSAAuthentication no\nIdentityFile2 a"],
];

const refusedCases: Case[] = [
  ["Prot 22"],
  ["Port"],
  ["\f"],
  ["Port 1 2"],
  ["Port 65536"],
  ["Port -1"],
  ["User 'a"],
  ['User ""'],
  ["Host other\nBatchMode maybe"],
  ["Host other\nMatch hots a"],
  ["Match"],
  ["Match host"],
  ["Match host a user b all"],
  ["Match all host a"],
  ['Host a ""'],
  ["ConnectTimeout 1m s"],
  ["ConnectTimeout 4000w"],
  ["ConnectionAttempts 0"],
  ["UserKnownHostsFile a none"],
  ["UserKnownHostsFile %z"],
  ["UserKnownHostsFile ${RFORWARD_MISSING}"],
  ["Host other\nIdentityAgent ${RFORWARD_MISSING}"],
  ["IdentityAgent $a-b"],
  ["HostName %n"],
  ["ProxyJump a,,b"],
  ["ProxyJump server"],
  ["RemoteForward x localhost:80"],
  ["RemoteForward 8080 localhost"],
  ["RemoteForward 8080 localhost:80 x"],
  ['BindAddress ""'],
  ["Include /dev/null\nInclude"],
  ["", "server", { options: ["Host a"] }],
  ["", "server", { options: ["Prot 1"] }],
  ["", "-x"],
  ["", "a b"],
  ["", "server", { user: "a;b" }],
];

serverTest("ssh", "resolveSshConfig() agrees with ssh -G", async () => {
  await using comparison = await startComparison();
  for (const [text, host = "server", request = {}] of cases) {
    await comparison.compare(text, { host, ...request });
  }
  assertEquals([comparison.accepted, comparison.refused], [cases.length, 0]);
});

serverTest("ssh", "resolveSshConfig() refuses what ssh refuses", async () => {
  await using comparison = await startComparison();
  for (const [text, host = "server", request = {}] of refusedCases) {
    await comparison.compare(text, { host, ...request });
  }
  assertEquals(comparison.refused, refusedCases.length);
});

serverTest("ssh", "resolveSshConfig() includes what ssh includes", async () => {
  await using comparison = await startComparison();
  const { home } = comparison;
  await home.write("d/1", "Host server\nPort 1");
  await home.write("d/2", "User two\nMatch all\nBatchMode yes");
  await home.write("d/.3", "TCPKeepAlive no");
  await home.write("deep", `Include ${home.path}/d/[!1]`);
  const bad = await home.write("bad", "Prot 1");
  const open = await home.write("open", "Port 1");
  await Deno.chmod(open, 0o666);
  for (
    const text of [
      `Include ${home.path}/d/*\nHashKnownHosts yes`,
      `Include ${home.path}/d/2 ${home.path}/d/?\n`,
      `Host other\nInclude ${home.path}/d/*\nMatch all\nPort 5`,
      `Match host server\nInclude "${home.path}/deep" ${home.path}/none*`,
      `Include ${home.path}/d ${home.path}/d/.*`,
      `Include rforward-has-no-such-file/*`,
      `Include ${bad}`,
      `Host other\nInclude ${bad}`,
      `Include ${open}`,
      `Include ${home.path}/config`,
    ]
  ) {
    await comparison.compare(text, { host: "server" });
  }
  assertEquals([comparison.accepted, comparison.refused], [6, 4]);
});

serverTest(
  "ssh",
  "resolveSshConfig() agrees with ssh -G on random configurations",
  async () => {
    await using comparison = await startComparison();
    const random = randomNumbers(4);
    const lines = [...cases, ...refusedCases].flatMap(([text]) =>
      text.split("\n")
    );
    for (let round = 0; round < 100; round++) {
      const text = Array.from(
        { length: 1 + random(8) },
        () => lines[random(lines.length)],
      ).join("\n");
      const host = ["server", "alias", "x.example"][random(3)] ?? "a";
      await comparison.compare(text, { host });
    }
    const { accepted, refused } = comparison;
    assert(accepted >= 20 && refused >= 20, `${accepted} and ${refused}`);
  },
);

serverTest(
  "ssh",
  "resolveSshConfig() reads the files that ssh reads",
  async () => {
    await using comparison = await startComparison();
    await comparison.compare(undefined, { host: "server" });
    await comparison.compare(undefined, { host: "a", configFile: "none" });
    await comparison.compare(undefined, {
      host: "a",
      configFile: "/none/at/all",
    });
  },
);

/** Compares settings with what ssh prints. */
async function startComparison() {
  const home = await testHome();
  const supported = await askAlgorithms();
  const counts = { accepted: 0, refused: 0 };
  return {
    home,
    get accepted() {
      return counts.accepted;
    },
    get refused() {
      return counts.refused;
    },
    /** @param text The only file; undefined for those that `rest` names or the usual ones. */
    async compare(text: string | undefined, rest: SshConfigRequest) {
      const request = text === undefined
        ? rest
        : { ...rest, configFile: await home.write("config", `${text}\n`) };
      const what = Deno.inspect({ text, ...request });
      const printed = await askSsh(request);
      let settings;
      try {
        settings = await resolveSshConfig({ machine: sshMachine, ...request });
      } catch (error) {
        assert(
          error instanceof ArgumentError,
          `${Deno.inspect(error)} ${what}`,
        );
        assert(printed === undefined, `ssh accepts ${what}: ${error.message}`);
        counts.refused++;
        return;
      }
      assert(printed !== undefined, `ssh refuses ${what}`);
      counts.accepted++;
      const { host } = request;
      const defaults = await askSsh({ host, configFile: "none" });
      assert(defaults !== undefined);
      for (
        const [keyword, values] of asPrinted(settings, defaults, supported)
      ) {
        if (
          // Debian's ssh has a default of its own there.
          keyword === "serveraliveinterval" && settings.batchMode &&
          settings.serverAliveIntervalMs === undefined
        ) continue;
        assertEquals(
          values,
          comparable(keyword, printed),
          `${keyword} of ${what}`,
        );
      }
    },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}
