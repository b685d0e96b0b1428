/** Values as they take effect: tokens, defaults that depend on others, addresses. */
import { assertEquals } from "../../assert.ts";
import { testHome } from "./test_home.ts";

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

Deno.test("resolveSshConfig() drops forwards for ClearAllForwardings, and IdentityFile none", async () => {
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
