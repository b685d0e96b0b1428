import { join } from "node:path";
import type { Readable } from "node:stream";
import type { SFTPWrapper } from "ssh2";
import { ArgumentError } from "../../src/errors.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { serveSftp } from "../../src/sftp/sftp_server.ts";
import { SharedFolders } from "../../src/sftp/files/shared_folders.ts";
import { kexMethods } from "../../src/ssh/native/kex/kex_methods.ts";
import { createClient } from "../ssh/ssh2.ts";
import { Ssh2Socket } from "../../src/testing/ssh2_socket.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { openssh10, serverTest } from "../servers/availability.ts";
import { run } from "../servers/run.ts";
import { THOROUGH } from "../thorough.ts";
import { within } from "../within.ts";
import { SftpRig } from "./sftp_rig.ts";

const MIB = 1024 * 1024;

async function sha256(file: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    await Deno.readFile(file),
  );
  return new Uint8Array(digest).toHex();
}

/** Writes random bytes; returns their digest. */
async function randomFile(file: string, length: number): Promise<string> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  await Deno.writeFile(file, bytes);
  return await sha256(file);
}

serverTest("ssh", "serveSftp() serves sftp", async () => {
  await using rig = await SftpRig.start();
  const { path } = rig.folder;
  const local = join(rig.folder.outside, "local");
  const digest = await randomFile(local, 8 * MIB);
  await rig.folder.write("old", "old");

  const { success, stdout, stderr } = await rig.sftp([
    "pwd",
    `cd ${path}`,
    `put -p ${local} "a name"`,
    `get "a name" ${local}.back`,
    "rename 'a name' old", // by posix-rename, replacing an existing file
    "mkdir directory",
    "rename old directory/new",
    "ln -s directory/new link",
    "ln directory/new second",
    "chmod 600 second",
    "ls -la",
    "df",
    "-get link /dev/null",
    "rm link",
    "-rmdir directory",
    "rm directory/new",
    "rmdir directory",
  ]);
  assert(success, stderr);
  assert(stdout.includes(`Remote working directory: ${path}`), stdout);
  assertMatch(stdout, /^lrwxrwxrwx .* link$/m);
  assertMatch(stdout, /^-rw------- +2 .* 8388608 .* second$/m);
  assertMatch(stdout, /Size +Used +Avail/);
  assertEquals(await sha256(`${local}.back`), digest);
  assertEquals(await sha256(rig.folder.in("second")), digest);
  assertEquals([...Deno.readDirSync(path)].map(({ name }) => name), ["second"]);
});

serverTest("ssh", "serveSftp() serves scp", async () => {
  await using rig = await SftpRig.start();
  const local = join(rig.folder.outside, "local");
  const digest = await randomFile(local, MIB);
  const remote = `127.0.0.1:${rig.folder.in("name")}`;

  // -s: what has been the default since OpenSSH 9.0.
  assert((await rig.run("scp", ["-s", "-q", local, remote])).success);
  assertEquals(await sha256(rig.folder.in("name")), digest);
  assert((await rig.run("scp", ["-s", "-q", remote, `${local}2`])).success);
  assertEquals(await sha256(`${local}2`), digest);
});

serverTest("ssh", "serveSftp() lets nothing escape", async () => {
  await using rig = await SftpRig.start();
  const { path, outside } = rig.folder;
  const local = join(outside, "local");
  await Deno.writeTextFile(local, "local");
  await rig.folder.write("file", "file");
  await Deno.symlink(outside, rig.folder.in("out"));
  const before = await rig.folder.outsideState();
  const secrets = [
    `${outside}/secret`,
    `${path}/../outside/secret`,
    `${path}/out/secret`,
  ];
  const attempts = [
    "ls ..",
    "ls /",
    `ls ${path}/out/secret`,
    `cd ${outside}`,
    `ln -s ${outside}/secret stolen`,
    "ln -s ../outside/secret stolen",
    ...secrets.flatMap((secret) => [
      `get ${secret} ${local}`,
      `put ${local} ${secret}`,
      `rm ${secret}`,
      `rename ${secret} stolen`,
      `rename file ${secret}`,
      `ln ${secret} stolen`,
      `ln file ${secret}2`,
      `ln -s file ${secret}2`,
      `chmod 777 ${secret}`,
      `mkdir ${secret}2`,
    ]),
  ];

  for (const attempt of attempts) {
    const { success, stderr } = await rig.sftp([attempt]);
    assert(!success, attempt);
    // sftp reports a directory that it may not list as not found.
    assertMatch(
      stderr,
      /permission denied|not found/i,
      `${attempt}: ${stderr}`,
    );
  }
  assertEquals(await rig.folder.outsideState(), before);
  assertEquals([...Deno.readDirSync(path)].map(({ name }) => name).sort(), [
    "file",
    "out",
  ]);
});

serverTest(
  "ssh",
  "serveSftp() changes nothing in a read-only folder",
  async () => {
    await using rig = await SftpRig.start({ readOnly: true });
    const { path } = rig.folder;
    const file = await rig.folder.write("file", "file");
    const back = join(rig.folder.outside, "back");

    const reading = await rig.sftp([`get ${file} ${back}`, `ls -l ${path}`]);
    assert(reading.success, reading.stderr);
    assertEquals(await Deno.readTextFile(back), "file");
    await Deno.writeTextFile(back, "longer, to be resumed");
    for (
      const attempt of [
        `put ${back} ${path}/new`,
        `put ${back} ${file}`,
        `put -a ${back} ${file}`,
        `rm ${file}`,
        `rename ${file} ${path}/new`,
        `mkdir ${path}/new`,
        `ln -s file ${path}/new`,
        `ln ${file} ${path}/new`,
        `chmod 777 ${file}`,
      ]
    ) {
      const { success, stderr } = await rig.sftp([attempt]);
      assert(!success, attempt);
      assertMatch(stderr, /permission denied/i, `${attempt}: ${stderr}`);
    }
    assertEquals([...Deno.readDirSync(path)].map(({ name }) => name), ["file"]);
    assertEquals(await Deno.readTextFile(file), "file");
  },
);

serverTest("ssh", "serveSftp() serves nothing but sftp", async () => {
  await using rig = await SftpRig.start();
  const refused = [
    ["127.0.0.1", "true"],
    ["127.0.0.1"],
    ["-tt", "127.0.0.1"],
    ["-s", "127.0.0.1", "netconf"],
    ["-W", `127.0.0.1:${rig.port}`, "127.0.0.1"],
    ["-N", "-R", "127.0.0.1:0:127.0.0.1:1", "127.0.0.1"],
  ];
  for (const args of refused) {
    const options = ["ExitOnForwardFailure=yes"];
    const { success, stderr, stdout } = await within(
      20_000,
      args.join(" "),
      rig.run("ssh", args, { options }),
    );
    assert(!success, args.join(" "));
    assertEquals(stdout, "");
    assertMatch(stderr, /request failed|refused|prohibited|forwarding failed/);
  }
  assert((await rig.sftp(["pwd"])).success);
});

serverTest("ssh", "serveSftp() refuses every other login", async (t) => {
  await using rig = await SftpRig.start();
  const other = join(rig.folder.outside, "key");
  const { privateKey, publicKey } = await generateKeyPair();
  await Deno.writeTextFile(other, privateKey, { mode: 0o600 });
  const otherHost = join(rig.folder.outside, "known_hosts");
  await Deno.writeTextFile(otherHost, `[127.0.0.1]:${rig.port} ${publicKey}\n`);
  const cases: Record<string, [string[], RegExp]> = {
    "another user": [["User=root"], /Permission denied \(publickey\)/],
    "another key": [[`IdentityFile=${other}`], /Permission denied/],
    "no key": [["PubkeyAuthentication=no"], /Permission denied/],
    "another host key": [
      [`UserKnownHostsFile=${otherHost}`],
      /Host key verification failed/,
    ],
  };
  for (const [name, [options, message]] of Object.entries(cases)) {
    await t.step(name, async () => {
      // The options that come first win; of key files ssh would take both.
      const only = name === "another key"
        ? rig.options.filter((it) => !it.startsWith("IdentityFile"))
        : rig.options;
      const { success, stderr } = await new Deno.Command("sftp", {
        args: [
          ...["-F", "none", "-b", "/dev/null"],
          ...[...options, ...only].flatMap((option) => ["-o", option]),
          "127.0.0.1",
        ],
      }).output();
      assert(!success);
      assertMatch(new TextDecoder().decode(stderr), message);
    });
  }
});

serverTest("ssh", "serveSftp() finds the right key among a few", async () => {
  await using rig = await SftpRig.start();
  const options: string[] = [];
  for (let i = 0; i < 8; i++) {
    const file = join(rig.folder.outside, `key${i}`);
    const { privateKey } = await generateKeyPair();
    await Deno.writeTextFile(file, privateKey, { mode: 0o600 });
    options.push(`IdentityFile=${file}`);
  }
  const { success, stderr } = await rig.sftp(["pwd"], options);
  assert(success, stderr);
});

serverTest("ssh", "serveSftp() continues through key exchanges", async () => {
  await using rig = await SftpRig.start();
  const local = join(rig.folder.outside, "local");
  const digest = await randomFile(local, (THOROUGH ? 16 : 4) * MIB);
  const remote = rig.folder.in("file");

  const { success, stderr } = await rig.sftp(
    [`put ${local} ${remote}`, `get ${remote} ${local}`],
    ["RekeyLimit=512K"],
  );
  assert(success, stderr);
  assertEquals(await sha256(remote), digest);
  assertEquals(await sha256(local), digest);
});

serverTest(
  "ssh",
  "serveSftp() speaks the ciphers that need no MAC, and no other",
  async (t) => {
    await using rig = await SftpRig.start();
    const local = join(rig.folder.outside, "local");
    const digest = await randomFile(local, MIB);
    for (
      const cipher of [
        "chacha20-poly1305@openssh.com",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
      ]
    ) {
      await t.step(cipher, async () => {
        const remote = rig.folder.in(cipher);
        const { success, stderr } = await rig.sftp(
          [`put ${local} ${remote}`, `get ${remote} ${local}`],
          [`Ciphers=${cipher}`],
        );
        assert(success, stderr);
        assertEquals(await sha256(local), digest);
      });
    }
    const { stderr } = await rig.sftp(["pwd"], ["Ciphers=aes128-ctr"]);
    assertMatch(stderr, /no matching cipher found/);
  },
);

serverTest(
  "ssh",
  "serveSftp() exchanges keys with ssh by every method",
  async (t) => {
    await using rig = await SftpRig.start();
    const known = (await run("ssh", ["-Q", "kex"])).trim().split("\n");
    for (const method of kexMethods.keys()) {
      if (!known.includes(method)) continue;
      await t.step(method, async () => {
        const options = [`KexAlgorithms=${method}`];
        const { success, stderr } = await rig.sftp(["pwd"], options);
        assert(success, stderr);
      });
    }
  },
);

serverTest(
  "sshd10",
  "serveSftp() exchanges keys with the ssh of OpenSSH 10 by ML-KEM",
  async () => {
    await using rig = await SftpRig.start();
    const method = "mlkem768x25519-sha256";
    const args = ["-S", openssh10("ssh"), "-b", "-", "127.0.0.1"];
    const options = [`KexAlgorithms=${method}`];

    const { success, stderr } = await rig.run("sftp", args, {
      options,
      stdin: "pwd",
    });

    assert(success, stderr);
  },
);

serverTest(
  "ssh",
  "serveSftp() serves several sessions on one connection",
  async () => {
    await using rig = await SftpRig.start();
    const file = await rig.folder.write("file", "file");
    const back = join(rig.folder.outside, "back");
    const options = [
      "ControlMaster=auto",
      "ControlPersist=yes",
      `ControlPath=${join(rig.folder.outside, "control")}`,
    ];
    // The first stays as the master of the others.
    const results = [await rig.sftp(["pwd"], options)];
    results.push(
      ...await Promise.all(
        [1, 2, 3].map((i) => rig.sftp([`get ${file} ${back}${i}`], options)),
      ),
    );
    await rig.run("ssh", ["-O", "exit", "127.0.0.1"], { options });

    for (const { success, stderr } of results) assert(success, stderr);
    assertEquals(await Deno.readTextFile(`${back}3`), "file");
    assertEquals(rig.served.length, 1);
  },
);

/** A client in the middle of sending a file that is large enough to last. */
async function startUpload(rig: SftpRig): Promise<Deno.ChildProcess> {
  const local = join(rig.folder.outside, "local");
  await Deno.writeTextFile(local, "");
  await Deno.truncate(local, 1024 * 1024 * MIB);
  const remote = rig.folder.in("file");
  const batch = join(rig.folder.outside, "batch");
  await Deno.writeTextFile(batch, `put ${local} ${remote}\n`);
  const client = rig.spawn("sftp", ["-b", batch, "127.0.0.1"]);
  await client.stdin.close();
  await sizeOf(remote, MIB);
  return client;
}

Deno.test("serveSftp() opens ten sessions at once on one connection, and others after them", async () => {
  await using rig = await SftpRig.start();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
  const socket = new Ssh2Socket(conn);
  const client = createClient();
  const ready = Promise.withResolvers<void>();
  client.on("ready", ready.resolve).on("error", ready.reject);
  client.connect({
    sock: socket as unknown as Readable,
    username: "me",
    privateKey: await Deno.readTextFile(rig.keyFile),
  });
  await within(10_000, "the login", ready.promise);
  const open = () =>
    new Promise<SFTPWrapper>((resolve, reject) =>
      client.sftp((error, sftp) => error ? reject(error) : resolve(sftp))
    );

  const sessions = await Promise.all(Array.from({ length: 10 }, open));
  const error = await assertRejects(open, Error);
  assertMatch(error.message, /10 sessions are open/);
  const closed = new Promise((resolve) => sessions[3]!.on("close", resolve));
  sessions[3]!.end();
  await within(10_000, "the session's end", closed);
  await open();

  client.end();
  await within(10_000, "the end", socket.closed);
});

serverTest("ssh", "serveSftp() ends when its signal aborts", async () => {
  const controller = new AbortController();
  await using rig = await SftpRig.start({ signal: controller.signal });
  await using client = await startUpload(rig);

  controller.abort();
  await within(10_000, "the end", Promise.all(rig.served));
  assert(!(await client.output()).success);
});

serverTest(
  "ssh",
  "serveSftp() ends when the client is killed in the middle",
  async () => {
    await using rig = await SftpRig.start();
    await using client = await startUpload(rig);

    client.kill("SIGKILL");
    await within(10_000, "the end", Promise.all(rig.served));
    await client.output();
  },
);

/** Waits until a file is that large. */
async function sizeOf(file: string, size: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    const found = await Deno.stat(file).catch(() => undefined);
    if (found && found.size >= size) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${file} is not ${size} bytes large after 20 s`);
}

Deno.test("serveSftp() disconnects a client that does not log in", async () => {
  await using rig = await SftpRig.start({ loginTimeoutMs: 200 });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
  const end = new Response(conn.readable).bytes();
  const heard = await within(10_000, "the end", end);
  assertMatch(new TextDecoder().decode(heard), /^SSH-2\.0-rforward\S*\r\n/);
  await within(10_000, "the end", Promise.all(rig.served));
});

Deno.test("serveSftp() ends what is no SSH", async () => {
  await using rig = await SftpRig.start();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
  const end = new Response(conn.readable).bytes();
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\n".repeat(2000)));
  await within(10_000, "the end", end.catch(() => {}));
  await within(10_000, "the end", Promise.all(rig.served));
});

Deno.test("serveSftp() does not begin when its signal has aborted", async () => {
  await using rig = await SftpRig.start({ signal: AbortSignal.abort() });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
  const end = new Response(conn.readable).bytes();
  assertEquals((await within(10_000, "the end", end)).length, 0);
});

Deno.test("serveSftp() throws ArgumentError for what it cannot use, and closes the stream", async () => {
  const { privateKey, publicKey } = await generateKeyPair();
  for (
    const [argument, keys] of [
      ["authorizedKey", { authorizedKey: "none", hostKey: privateKey }],
      ["authorizedKey", { authorizedKey: privateKey, hostKey: privateKey }],
      ["hostKey", { authorizedKey: publicKey, hostKey: publicKey }],
      ["hostKey", { authorizedKey: publicKey, hostKey: "none" }],
      ["user", { authorizedKey: publicKey, hostKey: privateKey, user: "" }],
    ] as const
  ) {
    let closed = false;
    const stream = {
      read: () => Promise.resolve(null),
      write: (p: Uint8Array) => Promise.resolve(p.length),
      closeWrite: () => Promise.resolve(),
      close: () => void (closed = true),
    };
    const error = await assertRejects(
      () =>
        serveSftp(stream, {
          folders: new SharedFolders(),
          user: "me",
          ...keys,
        }),
      ArgumentError,
    );
    assertEquals(error.argument, argument);
    assert(closed);
  }
});
