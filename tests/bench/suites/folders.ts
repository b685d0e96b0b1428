import { join } from "node:path";
import { mount, unmount } from "../../../src/x2go/folders/mounting.ts";
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import { whyUnavailable } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { sshArguments } from "../../servers/ssh_server.ts";
import { startX2GoServer, type X2GoServer } from "../../servers/x2go.ts";
import { connectTo, ready } from "../../x2go/client.ts";
import { Desk } from "../../x2go/desk.ts";
import { keepSession } from "../../x2go/keep_session.ts";
import { startProcess } from "../bench_process.ts";
import { type Bench, type Contest, type Suite, Unavailable } from "../suite.ts";

/** A folder on the X2Go server, until it is disposed. */
interface Mounted extends AsyncDisposable {
  readonly mountPoint: string | undefined;
}

/** A large file is no larger than this, in MiB. */
const MAX_MIB = 192;

/**
 * A shared folder beside the same one in a local OpenSSH server, to which
 * `ssh -R` leads, with a session and with `-N`; a real X2Go server mounts them.
 * Root only, as that server is. The folder is where `TMPDIR` says.
 */
export const folders: Suite = {
  name: "folders",
  metrics: [
    "write MiB/s",
    "read MiB/s",
    "untar s",
    "cp -a s",
    "git clone s",
  ],
  async prepare({ mib, files }: Bench): Promise<Contest> {
    const why = whyUnavailable("x2gostartagent");
    if (why) throw new Unavailable(why);
    await using stack = new AsyncDisposableStack();
    const x2go = stack.use(await startX2GoServer());
    const sshd = stack.use(
      await startSshd({ config: ["Subsystem sftp internal-sftp"] }),
    );
    const connection = stack.use(await connectTo(x2go));
    const session = stack.use(
      await X2GoSession.start(connection, { command: "xterm" }),
    );
    stack.use(await keepSession(x2go, session));
    const desk = stack.use(await Desk.create());
    const path = await desk.mkdir("folder");
    const size = Math.min(mib, MAX_MIB);
    const blocks = `bs=1M count=${size}`;
    await run("dd", [
      ...["if=/dev/urandom", `of=${join(path, "here")}`],
      ...blocks.split(" "),
    ]);
    await x2go.run(makeFiles(files));
    const rig: Rig = { x2go, sshd, connection, session, path };
    const measure = async (mount: () => Promise<Mounted>) => {
      // Created each time, so that nothing is in the mount's cache.
      await using mounted = await mount();
      const seconds = (command: string) => secondsOf(command, rig, mounted);
      const values = [
        size / await seconds(`dd if=/dev/zero of=there conv=fsync ${blocks}`),
        size / await seconds(`dd if=here of=/dev/null ${blocks}`),
        await seconds("tar xf ~/files.tar"),
        await seconds("cp -a files copy"),
        await seconds("git clone -q ~/files clone"),
      ];
      for (const name of ["there", "files", "copy", "clone"]) {
        await Deno.remove(join(path, name), { recursive: true });
      }
      return values;
    };
    const resources = stack.move();
    return {
      contestants: [
        {
          name: "rforward",
          measure: () => measure(() => session.shareFolder(path)),
        },
        {
          name: "ssh-R",
          measure: () => measure(() => mountThroughSsh(rig, [], ["sleep 600"])),
        },
        {
          name: "ssh-R-N",
          measure: () => measure(() => mountThroughSsh(rig, ["-N"], [])),
        },
      ],
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  },
};

/** A repository of files of a few KiB in the user's home, and the files in an archive. */
const makeFiles = (count: number) =>
  `cd ~ && mkdir -p files && cd files &&
for i in $(seq ${count}); do
  mkdir -p d$((i % 20)) && head -c $((i % 8 * 1000 + 100)) /dev/urandom >d$((i % 20))/f$i
done &&
git init -q && git add . &&
git -c user.name=bench -c user.email=bench@localhost commit -qm files &&
cd .. && tar cf files.tar --exclude .git files`;

/** Who takes part. */
interface Rig {
  readonly x2go: X2GoServer;
  readonly sshd: Awaited<ReturnType<typeof startSshd>>;
  readonly connection: Awaited<ReturnType<typeof connectTo>>;
  readonly session: X2GoSession;
  readonly path: string;
}

/**
 * What x2goclient does: `ssh -R` to an sshd of this side, which serves the
 * folder; with a session, or with `-N`, which leaves Nagle's algorithm on.
 */
async function mountThroughSsh(
  { x2go, sshd, connection, session, path }: Rig,
  options: string[],
  command: string[],
): Promise<Mounted> {
  await using stack = new AsyncDisposableStack();
  const tunnel = stack.use(
    await startProcess("ssh", [
      ...options,
      ...["-o", "ExitOnForwardFailure=yes"],
      ...["-R", `127.0.0.1:0:127.0.0.1:${sshd.port}`],
      ...sshArguments(x2go),
      ...command,
    ], /^Allocated port (\d+) for remote forward/m),
  );
  const access = { connection, session: ready(session) };
  const mountPoint = await mount(access, {
    port: tunnel.port,
    user: sshd.user,
    privateKey: await Deno.readTextFile(sshd.keyFile),
    hostKey: sshd.knownHosts.slice(sshd.knownHosts.indexOf("ssh-")),
    path,
    kind: "folder",
  });
  if (!mountPoint) throw new Error(`the mount point of ${path} is taken`);
  stack.defer(() => unmount(connection, access.session.name, mountPoint));
  const resources = stack.move();
  return {
    mountPoint,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Has a program of the session do something in the folder; returns how long that took. */
async function secondsOf(
  command: string,
  { x2go }: Rig,
  { mountPoint }: Mounted,
): Promise<number> {
  const said = await x2go.run(
    `cd '${mountPoint}' && start=$(date +%s%N) && ${command} 2>&1 && ` +
      `echo "took $(($(date +%s%N) - start)) ns"`,
  );
  const [, nanoseconds] = /took (\d+) ns/.exec(said) ?? [];
  return Number(nanoseconds) / 1e9;
}
