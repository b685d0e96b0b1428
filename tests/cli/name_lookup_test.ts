/** The server's name leads elsewhere, nowhere, or to several addresses: a command with a file of its own for /etc/hosts. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { type Sshd, startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { startFullPort } from "../servers/tcp_server.ts";
import { within } from "../within.ts";
import { RforwardProcess } from "./rforward_process.ts";

const NAME = "server.test";

/** A command to a server by name, and what the name means. */
async function startByName(
  sshd: Sshd,
  addresses: string[],
  port: number = sshd.port,
) {
  const hosts = join(sshd.dir, "hosts");
  // In place: another file would not be the one that is mounted.
  const mean = (...addresses: string[]) =>
    Deno.writeTextFileSync(
      hosts,
      ["127.0.0.1 localhost", ...addresses.map((it) => `${it} ${NAME}`)]
        .join("\n") + "\n",
    );
  mean(...addresses);
  const resolver = join(sshd.dir, "resolv.conf");
  await Deno.writeTextFile(
    resolver,
    "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
  );
  const knownHosts = join(sshd.dir, "known_hosts_by_name");
  await Deno.writeTextFile(
    knownHosts,
    sshd.knownHosts.replace(/^\S+/, NAME),
  );
  const rforward = new RforwardProcess({
    through: [
      ...["unshare", "--mount", "sh", "-c"],
      [
        `mount --bind ${hosts} /etc/hosts`,
        // No name server answers, at once.
        `{ ! [ -e /etc/resolv.conf ] || mount --bind ${resolver} /etc/resolv.conf; }`,
        `exec "$@"`,
      ].join(" && "),
      "sh",
    ],
    args: [
      ...["-o", `UserKnownHostsFile=${knownHosts}`],
      ...["-o", `HostKeyAlias=${NAME}`, "-o", `HostName=${NAME}`],
      ...["-p", `${port}`, "--max-wait", "0.05"],
      ...["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)],
    ],
  });
  return { rforward, mean };
}

serverTest(
  ["sshd", "mount"],
  "rforward looks up its server's name for each attempt: one that is not known yet, and one that leads elsewhere later",
  async () => {
    await using sshd = await startSshd();
    const { rforward, mean } = await startByName(sshd, []);
    await using _ = rforward;
    const { error } = await rforward.next("waiting");
    assertEquals(error?.code, "host-not-found");
    mean("127.0.0.1");
    await rforward.up();

    using elsewhere = Deno.listen({ hostname: "127.0.0.2", port: sshd.port });
    mean("127.0.0.2");
    sshd.killSessions("SIGKILL");
    using conn = await within(15_000, "a connection", elsewhere.accept());
    assertMatch(conn.remoteAddr.hostname, /^127\./);
  },
);

serverTest(
  ["sshd", "mount"],
  "rforward tries the next address of its server's name when one refuses or is silent",
  async () => {
    await using sshd = await startSshd();
    await using silent = await startFullPort();
    const { hostname, port } = silent;
    using third = Deno.listen({ hostname: "127.0.0.3", port });
    // Nothing listens on the second one.
    const addresses = [hostname, "127.0.0.2", "127.0.0.3"];
    const { rforward } = await startByName(sshd, addresses, port);
    await using _ = rforward;
    (await within(15_000, "a connection", third.accept())).close();
    assertEquals(
      rforward.all("waiting").map(({ error }) => error?.code),
      [],
    );
  },
);
