import { join } from "node:path";
import type { SshConnection } from "../../../src/ssh/connection.ts";
import { X2GoError } from "../../../src/x2go/errors.ts";
import {
  isPlain,
  listMounts,
  mount,
  type MountSource,
  toPlain,
  unmount,
} from "../../../src/x2go/folders/mounting.ts";
import type { ReadySession } from "../../../src/x2go/server/session_info.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { Desk } from "../desk.ts";
import { shell, withServer } from "../shell_server.ts";

const SOURCE: MountSource = {
  port: 30_001,
  user: "x2go",
  privateKey: "-----BEGIN…\n…END-----\n",
  hostKey: "ssh-ed25519 AAAA",
  path: "/home/me/Documents",
  kind: "folder",
};
const PLACE = "/tmp/.x2go-u/media/disk/_home_me_Documents";
const MOUNTED =
  `inserted, timeout 30 sshfs … "x2go"@127.0.0.1:"/home/me/Documents" "${PLACE}" -p 30001`;

Deno.test("toPlain() makes paths that isPlain() takes, and others it leaves", () => {
  for (
    const [path, plain] of [
      ["/home/me/Documents", "/home/me/Documents"],
      ["/ünï/漢字-1.2/e\u0301", "/ünï/漢字-1.2/e\u0301"],
      ["/a b:c\"d'$(e)`f`\\g#h*[i]\nj", "/a_b_c_d_e_f_g_h_i_j"],
      ["/a__SSH_PORT__b_", "/a_SSH_PORT_b_"],
      ["/", "/"],
      [
        `/${"x".repeat(100)}/${"y".repeat(150)}`,
        `/${"x".repeat(49)}/${"y".repeat(150)}`,
      ],
      ["/" + "漢".repeat(100), "/" + "漢".repeat(66)],
    ] as const
  ) {
    assertEquals(toPlain(path), plain);
    assert(isPlain(plain), plain);
  }
  assert(isPlain("/with blanks"));
  for (const path of ["/a:b", '/"', "/$(id)", "/a__b", "/a\n"]) {
    assert(!isPlain(path), path);
  }
});

Deno.test("mount() gives x2gomountdirs the keys in a file that only the user can read", async () => {
  await using server = await X2GoCommands.create({
    x2gomountdirs: `
      stat -c '%a' "$4" > ~/log; cat "$4" >> ~/log
      printf '%s\\n' "$1" "$2" "$3" "$5" >> ~/log
      touch "$4.ident"
      echo '${MOUNTED}'; echo 'mount /home/me/Documents ok'`,
  });

  assertEquals(await server.mount({ ...SOURCE, kind: "print" }), PLACE);

  assertEquals(await server.read("log"), [
    "600",
    "-----BEGIN…",
    "…END-----",
    "----BEGIN RSA IDENTITY----ssh-ed25519 AAAA",
    ...["dir", "s", "x2go"],
    "/home/me/Documents__PRINT_SPOOL___REVERSESSH_PORT__30001",
  ]);
  assertEquals([...Deno.readDirSync(server.in(".x2go/ssh"))], []);
});

Deno.test("mount() says why a folder is not mounted", async () => {
  const failed = "mounting of /home/me/Documents failed";
  const cases: [mountdirs: string, code: string, message: RegExp][] = [
    [
      // What x2gomountdirs prints without sshfs.
      "echo 'the sshfs command is not installed on this X2Go Server, cannot share client-side folders'",
      "x2go-share",
      /did not mount the folder: the sshfs command is not installed/,
    ],
    [
      `echo '${MOUNTED}'; echo 'read: Connection reset by peer' > ~/.x2go/C-s/sshfs-mounts.log; echo noise >&2; echo ${failed} >&2`,
      "x2go-share",
      /folder: mounting of \/home\/me\/Documents failed; sshfs: read: Connection reset/,
    ],
    [
      `echo '${MOUNTED}'; echo 'mount /home/me/Documents2 ok'`,
      "x2go-share",
      /did not mount/,
    ],
    ["echo 'mount /home/me/Documents ok'", "x2go-share", /did not mount/],
    ["exit 3", "x2go-refused", /x2gomountdirs failed with exit status 3/],
  ];
  for (const [x2gomountdirs, code, message] of cases) {
    await using server = await X2GoCommands.create({ x2gomountdirs });

    const error = await assertRejects(() => server.mount(SOURCE), X2GoError);

    assertEquals([error.code, error.session], [code, "s"]);
    assertMatch(error.message, message);
    assertEquals([...Deno.readDirSync(server.in(".x2go/ssh"))], []);
  }
});

Deno.test("mount() removes a dead mount of the session, and tries again", async () => {
  await using server = await X2GoCommands.create({
    x2gomountdirs: `
      if [ -e ~/cleared ]; then echo '${MOUNTED}'; echo 'mount /home/me/Documents ok'
      else echo 'insertion of /home/me/Documents failed (already mounted?), not mounting' >&2; fi`,
    x2golistmounts:
      `echo '127.0.0.1|/tmp/.x2go-u/media/disk/_other'; echo '127.0.0.1|${PLACE}'`,
    "x2goumount-session": 'echo "$@" > ~/cleared',
  });

  assertEquals(await server.mount(SOURCE), PLACE);

  assertEquals(await server.read("cleared"), [`s ${PLACE}`]);
});

Deno.test("mount() leaves alone what is not the session's", async () => {
  await using server = await X2GoCommands.create({
    x2gomountdirs:
      "echo 'insertion of /home/me/Documents failed (already mounted?), not mounting' >&2",
    x2golistmounts: "echo",
    "x2goumount-session": "touch ~/cleared",
  });

  assertEquals(await server.mount(SOURCE), undefined);

  await assertRejects(() => server.read("cleared"), Deno.errors.NotFound);
});

Deno.test("listMounts() passes over what is no mount point", async () => {
  await using server = await X2GoCommands.create({
    x2golistmounts:
      "printf '%b\\n' '' noise '127.0.0.1|relative' '127.0.0.1|/a b' 'host|/c|d' 'host|/\\033[2J'",
  });

  await server.connect(async (connection) => {
    assertEquals(await listMounts(connection, "s"), ["/a b", "/c|d"]);
  });
});

Deno.test("unmount() fails if a folder is mounted all the same", async () => {
  await using server = await X2GoCommands.create({
    fusermount: "echo it is busy >&2",
    perl: "true",
    rmdir: "true",
  });

  await server.connect(async (connection) => {
    await unmount(connection, "s", "/no such mount point");
    // It stands between blanks in /proc/self/mounts.
    const error = await assertRejects(
      () => unmount(connection, "s", "proc"),
      X2GoError,
    );
    assertEquals(error.code, "x2go-refused");
    assertMatch(error.message, /it is busy/);
  });
});

/** A server of this process whose shell finds these commands, as scripts. */
class X2GoCommands implements AsyncDisposable {
  readonly #home: Desk;
  readonly #commands: string[];

  private constructor(home: Desk, commands: string[]) {
    this.#home = home;
    this.#commands = commands;
  }

  static async create(
    scripts: Record<string, string>,
  ): Promise<X2GoCommands> {
    const home = await Desk.create();
    await Deno.mkdir(join(home.path, ".x2go/C-s"), { recursive: true });
    await home.write(".x2go/C-s/sshfs-mounts.log", "");
    await home.mkdir("bin");
    for (const [name, script] of Object.entries(scripts)) {
      await home.write(`bin/${name}`, `#!/bin/sh\n${script}\n`);
      await Deno.chmod(join(home.path, "bin", name), 0o755);
    }
    return new X2GoCommands(home, Object.keys(scripts));
  }

  in(path: string): string {
    return join(this.#home.path, path);
  }

  /** The lines of a file that a command wrote in its home. */
  async read(name: string): Promise<string[]> {
    return (await Deno.readTextFile(this.in(name))).trimEnd().split("\n");
  }

  connect(work: (connection: SshConnection) => Promise<void>): Promise<void> {
    const run = shell(`export HOME='${this.#home.path}'; `);
    return withServer((command, streams) => {
      for (const name of this.#commands) {
        command = command.replaceAll(`${name} `, `${this.in(`bin/${name}`)} `);
      }
      return run(command, streams);
    }, work);
  }

  async mount(source: MountSource): Promise<string | undefined> {
    let mountPoint: string | undefined;
    await this.connect(async (connection) => {
      const session = { name: "s" } as ReadySession;
      mountPoint = await mount({ connection, session }, source);
    });
    return mountPoint;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#home[Symbol.asyncDispose]();
  }
}
