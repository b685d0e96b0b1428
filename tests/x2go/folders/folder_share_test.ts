import { join } from "node:path";
import { ArgumentError } from "../../../src/errors.ts";
import { X2GoError } from "../../../src/x2go/errors.ts";
import type { FolderShare } from "../../../src/x2go/folders/folder_share.ts";
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import type { X2GoServer } from "../../servers/x2go.ts";
import { THOROUGH } from "../../thorough.ts";
import { within } from "../../within.ts";
import { connectTo, ready } from "../client.ts";
import { Desk } from "../desk.ts";
import { keepSession } from "../keep_session.ts";
import { startXterm } from "../start_xterm.ts";

/** The size of a file. */
const MEBIBYTES = THOROUGH ? 32 : 8;

const ODD = 'it\'s "ours" $(id) `id` a:b\\c [d] (e) #f * ünï 漢字';

serverTest(
  "x2gostartagent",
  "session.shareFolder() mounts folders of this side",
  async (t) => {
    await using xterm = await startXterm();
    const { x2go, connection, session } = xterm;
    await using desk = await Desk.create();
    const { name, foldersPort } = ready(session);
    const disk = `/tmp/.x2go-${x2go.user}/media/disk`;

    await t.step("files go both ways, whole", async () => {
      const path = await desk.mkdir("Documents");
      await using share = await session.shareFolder(path);

      assertEquals(share.mountPoint, `${disk}/${path.replaceAll("/", "_")}`);
      await desk.write("Documents/from here", noise(MEBIBYTES));
      const [there] = (await inside(x2go, share, "sha256sum < 'from here'"))
        .split(" ");
      assertEquals(there, await sha256(join(path, "from here")));

      const sum = await inside(
        x2go,
        share,
        `head -c ${MEBIBYTES}M /dev/urandom | tee 'from there' | sha256sum`,
      );
      assertEquals(
        sum.split(" ")[0],
        await sha256(join(path, "from there")),
      );
    });

    await t.step("whatever the folder and its files are called", async () => {
      const path = await desk.mkdir(ODD);
      await desk.write(`${ODD}/${ODD}`, "from here");
      await using share = await session.shareFolder(path);

      assertEquals(
        share.mountPoint,
        `${disk}/${
          desk.path.replaceAll("/", "_")
        }_it_s_ours_id_id_a_b_c_d_e_f_ünï_漢字`,
      );
      assertEquals(await session.listMounts(), [share.mountPoint]);
      assertEquals(await inside(x2go, share, "ls"), `${ODD}\n`);
      await inside(x2go, share, 'cp it* "it\'s \\"theirs\\" мир"');
      assertEquals(
        await Deno.readTextFile(join(path, 'it\'s "theirs" мир')),
        "from here",
      );
      // A name for the mount point that no file system would take.
      await using long = await session.shareFolder(
        await desk.mkdir("漢".repeat(80)),
      );
      assertMatch(long.mountPoint ?? "", /\/_漢+$/);
    });

    const many = THOROUGH ? 10_000 : 1000;
    await t.step(`with ${many} files in one`, async () => {
      const path = await desk.mkdir("many");
      const files = Array.from({ length: many }, (_, i) => `${i}.txt ${i}`);
      for (const file of files) {
        const [name = "", size] = file.split(" ");
        await desk.write(`many/${name}`, new Uint8Array(Number(size)));
      }
      await using share = await session.shareFolder(path);

      const listed = await inside(
        x2go,
        share,
        "find . -type f -printf '%f %s\\n'",
      );
      assertEquals(listed.trimEnd().split("\n").sort(), files.sort());
    });

    await t.step("read-only, if asked, beside one that is not", async () => {
      await desk.mkdir("music");
      await desk.write("music/song", "la la");
      await using music = await session.shareFolder(join(desk.path, "music"), {
        readOnly: true,
      });
      await using notes = await session.shareFolder(await desk.mkdir("notes"));

      assertEquals(await inside(x2go, music, "cat song"), "la la");
      for (
        const change of ["echo > song", "echo > new", "rm song", "chmod 0 song"]
      ) {
        await assertRejects(() => inside(x2go, music, change), Error);
      }
      await inside(x2go, notes, "echo new > note");
      assertEquals(
        (await session.listMounts()).sort(),
        [music.mountPoint, notes.mountPoint].sort(),
      );

      // One goes, the other stays.
      const gone = music.mountPoint!;
      await music.stop();
      await music.stop(); // is once
      assertEquals(music.mountPoint, undefined);
      assertEquals([...session.shares], [notes]);
      assertEquals(await session.listMounts(), [notes.mountPoint]);
      await assertRejects(() => x2go.run(`ls ${gone}`), Error);
      assertEquals(await inside(x2go, notes, "cat note"), "new\n");
    });

    await t.step("who has the key gets no further", async () => {
      const path = await desk.mkdir("open");
      await desk.write("secret", "secret");
      await Deno.symlink(join(desk.path, "secret"), join(path, "link"));
      await using thief = new KeyThief(x2go);
      await using share = await session.shareFolder(path);

      const { modes, sftp } = await thief.result(share.tunnel!.port);
      assertEquals(modes, ["600"]);
      assertMatch(await sftp(`ls -la ${path}`), / link$/m);
      for (
        const command of [
          `get ${path}/link /dev/stdout`,
          `get ${path}/../secret /dev/stdout`,
          `get ${desk.path}/secret /dev/stdout`,
          "get /etc/hostname /dev/stdout",
          `ls ${desk.path}`,
          `symlink ${desk.path} ${path}/out`,
          `rename ${desk.path}/secret ${path}/stolen`,
        ]
      ) {
        await assertRejects(() => sftp(command), Error);
      }
      for (const command of ["cat link", "ln -s /etc stolen"]) {
        await assertRejects(() => inside(x2go, share, command), Error);
      }
      // Without the folder, the key opens nothing.
      await share.stop();
      await assertRejects(() => sftp(`ls ${path}`), Error);
    });

    await t.step("also if it is in use when it is stopped", async () => {
      await using share = await session.shareFolder(await desk.mkdir("busy"));
      const { mountPoint } = share;
      await inside(x2go, share, "sleep 100 > output 2>&1 &");

      await share.stop();

      const mounts = await x2go.run("cat /proc/self/mounts");
      assert(!mounts.includes(`${mountPoint} `), mounts);
      assertEquals(await session.listMounts(), []);
    });

    await t.step("in two sessions at once", async (t) => {
      await using second = await X2GoSession.start(connection, {
        command: "xterm",
      });
      await using _kept = await keepSession(x2go, second);
      const path = await desk.mkdir("both");
      await using one = await session.shareFolder(path);
      await using two = await second.shareFolder(path);

      assertEquals(two.mountPoint, `${one.mountPoint}_2`);
      await inside(x2go, one, "echo hello > greeting");
      assertEquals(await inside(x2go, two, "cat greeting"), "hello\n");
      await two.stop();
      assertEquals(await inside(x2go, one, "cat greeting"), "hello\n");

      await t.step(
        "beside a mount that the server has lost sight of",
        async () => {
          const path = await desk.mkdir("unlisted");
          await using one = await session.shareFolder(path);
          await inside(x2go, one, "sleep 100 > output 2>&1 &");
          await x2go.run(
            `perl -MX2Go::Server::DB=db_deletemount -e 'db_deletemount(@ARGV)' ${name} '${one.mountPoint}'`,
          );

          await using two = await second.shareFolder(path);

          assertEquals(two.mountPoint, `${one.mountPoint}_2`);
          await inside(x2go, one, "echo hello > greeting");
          assertEquals(await inside(x2go, two, "cat greeting"), "hello\n");
        },
      );
    });

    await t.step("no others", async () => {
      const path = await desk.mkdir("once");
      await desk.write("file", "");
      await using _share = await session.shareFolder(path);
      for (
        const wrong of [
          "relative",
          `${path}/missing`,
          `${desk.path}/file`,
          path,
        ]
      ) {
        const error = await assertRejects(
          () => session.shareFolder(wrong),
          ArgumentError,
        );
        assertEquals(error.argument, "path");
      }
      assertEquals(session.shares.size, 1);
    });

    await t.step("or says what the server said", async () => {
      const path = await desk.mkdir("failing");
      const place = `${disk}/${path.replaceAll("/", "_")}`;
      await x2go.run(`mkdir -p ${place}/file; chmod 500 ${place}`);

      const error = await assertRejects(
        () => session.shareFolder(path),
        X2GoError,
      );

      assertEquals([error.code, error.session], ["x2go-share", name]);
      assertMatch(
        error.message,
        /: mounting of .*failing failed; sshfs: .*no write access to mountpoint/,
      );
      assertEquals(session.shares.size, 0);
      assertEquals(await session.listMounts(), []);

      await x2go.run(`chmod 700 ${place}; rm -r ${place}`);
      await using share = await session.shareFolder(path);
      await inside(x2go, share, "touch file");
    });

    await t.step("also if the session's port is in use", async () => {
      using _taken = takePort(foldersPort);
      await using share = await session.shareFolder(await desk.mkdir("port"));

      assert(share.tunnel?.port !== foldersPort);
      await inside(x2go, share, "touch file");
    });

    await t.step("served by another SSH server", async () => {
      await using sshd = await startSshd({
        config: ["Subsystem sftp internal-sftp"],
      });
      const hostKey = sshd.knownHosts.slice(sshd.knownHosts.indexOf("ssh-"));
      const via = {
        port: sshd.port,
        user: sshd.user,
        privateKey: await Deno.readTextFile(sshd.keyFile),
        hostKey: hostKey.split(" ").slice(0, 2).join(" "),
      };
      const path = await desk.mkdir("other server");
      await using share = await session.shareFolder(path, { via });

      await inside(x2go, share, "echo hello > greeting");
      assertEquals(
        await Deno.readTextFile(join(path, "greeting")),
        "hello\n",
      );
      assert(share.tunnel?.port !== foldersPort);
      await share.stop();
      assertEquals(await session.listMounts(), []);

      const wrong: [string, { readOnly?: boolean }, string][] = [
        [`${path}/a:b`, {}, "path"],
        [`${path}/$(id)`, {}, "path"],
        [path, { readOnly: true }, "readOnly"],
      ];
      for (const [path, options, argument] of wrong) {
        const error = await assertRejects(
          () => session.shareFolder(path, { ...options, via }),
          ArgumentError,
        );
        assertEquals(error.argument, argument);
      }
    });
  },
);

serverTest(
  "x2gostartagent",
  "a folder's connection is lost: nothing hangs, and session.moveTo() brings it back",
  async () => {
    await using xterm = await startXterm();
    const { x2go, connection, session } = xterm;
    await using desk = await Desk.create();
    const share = await session.shareFolder(await desk.mkdir("folder"));
    const other = await session.shareFolder(await desk.mkdir("other"));
    const { mountPoint } = share;
    await inside(x2go, share, "sleep 100 > output 2>&1 &");

    assert(x2go.killSessions("SIGKILL") > 0);
    assertEquals((await connection.closed).reason, "lost");

    // There, programs get errors; here, a share can be stopped.
    await within(
      15_000,
      "a program in the folder",
      assertRejects(() => inside(x2go, share, "cat output"), Error),
    );
    await within(10_000, "stop()", other.stop());

    // The server has it in its list still, and would not mount it again.
    await using another = await connectTo(x2go);
    await session.moveTo(another);
    assertEquals(share.mountPoint, mountPoint);
    await inside(x2go, share, "echo back > output");
    assertEquals(
      await Deno.readTextFile(join(share.path, "output")),
      "back\n",
    );
    assert((await session.listMounts()).includes(mountPoint!));

    // So it has when the server has taken it from its list already.
    await inside(x2go, share, "sleep 100 > output 2>&1 &");
    await x2go.run("kill -9 $(pgrep -u $USER -x sshfs)");
    await x2go.run(`x2goumount-session ${session.info.name}`);
    assertEquals(await session.listMounts(), []);
    await using third = await connectTo(x2go);
    await session.moveTo(third);
    await inside(x2go, share, "echo again > output");
    assertEquals(await session.listMounts(), [mountPoint]);

    await third.close();
    await within(15_000, "the end", session[Symbol.asyncDispose]());
    assertEquals(session.shares.size, 0);
  },
);

/** Runs a command in a folder, as a program in the session does. */
function inside(
  x2go: X2GoServer,
  share: FolderShare,
  command: string,
): Promise<string> {
  return x2go.run(`cd '${share.mountPoint}' && ${command}`);
}

/** Listens on a port, unless it is in use. */
function takePort(port: number): Disposable {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return new DisposableStack();
    throw error;
  }
}

/** What no program would compress, cache or guess. */
function noise(mebibytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(mebibytes * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  return bytes;
}

async function sha256(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** An attacker on the server who copies the key while a folder is being mounted. */
class KeyThief implements AsyncDisposable {
  readonly #x2go: X2GoServer;
  readonly #watcher: Deno.FsWatcher;
  readonly #watching: Promise<void>;
  readonly #modes = new Set<string>();
  #key = "";

  constructor(x2go: X2GoServer) {
    this.#x2go = x2go;
    this.#watcher = Deno.watchFs(`${x2go.home}/.x2go/ssh`);
    this.#watching = this.#watch();
  }

  /** The modes that the key's files had, and what runs sftp with it on the server. */
  async result(port: number) {
    await this[Symbol.asyncDispose]();
    assertMatch(this.#key, /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
    const { home, run, user } = this.#x2go;
    await run(`umask 077; cat > stolen << 'END'\n${this.#key}\nEND`);
    const options = [
      ...["Port=" + port, "User=x2go", "IdentityFile=stolen", "BatchMode=yes"],
      ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"],
    ].map((option) => `-o ${option}`).join(" ");
    assert(home.includes("/") && user !== "");
    return {
      modes: [...this.#modes],
      sftp: (command: string) =>
        run(
          `sftp -q -b - ${options} 127.0.0.1 << 'END'\n${command}\nEND`,
        ),
    };
  }

  async #watch(): Promise<void> {
    for await (const { paths } of this.#watcher) {
      for (const path of paths) {
        try {
          const mode = Deno.statSync(path).mode ?? 0;
          this.#modes.add((mode & 0o7777).toString(8));
          const text = Deno.readTextFileSync(path);
          const [key] = /^.*END OPENSSH PRIVATE KEY-----$/ms.exec(text) ?? [];
          this.#key = key ?? this.#key;
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#watcher.close();
    } catch {
      // It was closed for the result.
    }
    await this.#watching;
  }
}
