import { dirname, join } from "node:path";
import type { SshConnection } from "../../../src/ssh/connection.ts";
import type {
  Folder,
  FolderServer,
  MountedFolder,
} from "../../../src/x2go/folders/folder_server.ts";
import type { Job, JobHandler } from "../../../src/x2go/jobs/jobs.ts";
import { MimeBoxShare } from "../../../src/x2go/jobs/mime_box_share.ts";
import { PrinterShare } from "../../../src/x2go/jobs/printer_share.ts";
import type { ReadySession } from "../../../src/x2go/server/session_info.ts";
import type { SessionAccess } from "../../../src/x2go/session/session_share.ts";
import { Shares } from "../../../src/x2go/session/shares.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { Log } from "../log.ts";

Deno.test("PrinterShare hands over one job after the other, in the order in which they came", async () => {
  const printed = Promise.withResolvers<void>();
  const jobs = new Log<Job>();
  await using rig = await printer(async (job) => {
    assertEquals(await Deno.readTextFile(job.file), `${job.title}'s PDF`);
    jobs.add(job);
    await printed.promise;
  });

  for (const title of ["one", "two", "three"]) {
    await rig.arrive(`${title}.pdf`, `${title}'s PDF`);
    await rig.arrive(`${title}.pdf.ready`, `${title}.pdf\n${title}`);
  }
  await jobs.until(1);
  assertEquals(jobs.entries.length, 1);
  printed.resolve();
  await rig.share.stop();

  assertEquals(
    jobs.entries.map(({ title }) => title),
    ["one", "two", "three"],
  );
});

Deno.test("PrinterShare refuses what is not a job, and keeps serving", async () => {
  const jobs = new Log<Job>();
  await using rig = await printer((job) => jobs.add(job));
  const { spool } = rig;
  const outside = join(dirname(spool), "outside");
  await Deno.writeTextFile(outside, "secret");

  await rig.arrive("1.ready", "../outside\nescaped");
  await rig.arrive("2.ready", "/etc/hostname\nescaped");
  await rig.arrive("3.ready", "..\nescaped");
  await rig.arrive("4.ready", "");
  await rig.arrive("5.ready", "missing.pdf\nmissing");
  await Deno.symlink(outside, join(spool, "6.pdf"));
  await rig.arrive("6.ready", "6.pdf\na link");
  await Deno.symlink(outside, join(spool, "7.ready"));
  rig.arrived("7.ready");
  await rig.arrive("8.ready", `8.pdf\n${"long ".repeat(10_000)}`);
  await Deno.mkdir(join(spool, "9.ready"));
  rig.arrived("9.ready");
  // Nor are these, which is not an error.
  await Deno.mkdir(join(spool, "deep"));
  await rig.arrive("deep/job.ready", "job.pdf\ndeep");
  await rig.arrive("x.pdf.notready", "x.pdf\nnot ready");
  rig.arrived("../outside");
  // And this is one.
  await rig.arrive("10.pdf", "PDF");
  await rig.arrive("10.ready", "10.pdf\n\x1b[2J a\ttitle\x07\nmore");
  await jobs.until(1);

  assertEquals(jobs.entries.map(({ title }) => title), ["a title"]);
  assertEquals(
    rig.problems.entries.map((text) =>
      /^"(\d+)\.ready".*: (.*)$/.exec(text)?.[1]
    ),
    ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
  );
  assertEquals(await Deno.readTextFile(outside), "secret");
  // Of those that were refused nothing is left; the job may just be going.
  const left = [...Deno.readDirSync(dirname(spool))].map(({ name }) => name);
  assertEquals(left.filter((name) => name !== "10").sort(), [
    "outside",
    "spool",
  ]);
});

Deno.test("PrinterShare keeps a job whose handler fails, until it is stopped", async () => {
  const tried = new Log<string>();
  let paper = false;
  await using rig = await printer(({ title, file }) => {
    tried.add(title);
    Deno.statSync(file);
    if (!paper) throw new Error("no paper");
  });
  const { share, problems } = rig;
  const print = async (title: string) => {
    await rig.arrive(`${title}.pdf`, "");
    await rig.arrive(`${title}.ready`, `${title}.pdf\n${title}`);
  };

  await print("one");
  await problems.until(1);
  assertEquals(share.failed.map(({ title }) => title), ["one"]);
  assertMatch(problems.entries[0]!, /^"one" .*: no paper$/);
  await print("two");
  await problems.until(3);

  paper = true;
  await share.pause();
  await share.resume(ACCESS);
  await tried.until(5);
  assertEquals(share.failed, []);
  assertEquals(tried.entries, ["one", "one", "two", "one", "two"]);

  paper = false;
  await print("three");
  await problems.until(4);
  await share.stop();
  await assertRejects(() => Deno.stat(rig.spool), Deno.errors.NotFound);
});

Deno.test("PrinterShare keeps its spool to itself, and no longer than it is shared", async () => {
  await using rig = await printer(() => {});
  const directory = dirname(rig.spool);
  assertEquals(Deno.statSync(directory).mode! & 0o777, 0o700);

  await rig.share.pause();
  Deno.statSync(rig.spool);
  await Promise.all([rig.share.stop(), rig.share.stop()]);
  await assertRejects(() => Deno.stat(directory), Deno.errors.NotFound);
  rig.arrived("late.ready"); // too late, and no problem

  assertEquals(rig.problems.entries, []);
});

Deno.test("a PrinterShare that cannot be mounted leaves nothing behind", async () => {
  let spool = "";
  const server = {
    mount(_: SessionAccess, folder: Folder) {
      spool = folder.path;
      Deno.statSync(spool);
      return Promise.reject(new Error("no mount"));
    },
  } as unknown as FolderServer;

  const share = new PrinterShare(server, () => {});
  await assertRejects(() => new Shares().begin(share, ACCESS), Error);

  await assertRejects(() => Deno.stat(dirname(spool)), Deno.errors.NotFound);
});

Deno.test("MimeBoxShare hands over files, also one that comes while another of its name is handled", async () => {
  const contents = new Log<string>();
  const opened = Promise.withResolvers<void>();
  await using rig = await Rig.start((server, options) =>
    new MimeBoxShare(server, async ({ title, file }) => {
      assertEquals(title, "letter");
      contents.add(await Deno.readTextFile(file));
      await opened.promise;
      await Deno.stat(file);
    }, options)
  );
  const { problems, spool } = rig;

  await rig.arrive("letter", "one");
  await contents.until(1);
  await rig.arrive("letter", "two");
  await Deno.mkdir(join(spool, "folder"));
  rig.arrived("folder");
  await rig.arrive(".hidden", "");
  await Deno.symlink("/etc/hostname", join(spool, "link"));
  rig.arrived("link");
  await problems.until(1);
  opened.resolve();
  await contents.until(2);

  assertEquals(contents.entries, ["one", "two"]);
  assertEquals(problems.entries.length, 1);
  assertMatch(problems.entries[0]!, /"link" .*not a regular file/);
  assert(Deno.statSync(join(spool, "folder")).isDirectory);
  assert(Deno.statSync(join(spool, ".hidden")).isFile);
});

Deno.test("what the server calls a file does nothing to a terminal", async () => {
  const odd = "a\x1b[2J\x9b2J\u202egpj.exe";
  const seen = /^[^\p{C}]*$/u;
  const jobs = new Log<Job>();
  {
    await using rig = await printer((job) => jobs.add(job));
    await rig.arrive(odd, "PDF");
    await rig.arrive("1.ready", `${odd}\n`);
    await rig.arrive(`${odd}.ready`, `missing ${odd}\n`);
    await rig.problems.until(1);
    assertMatch(rig.problems.entries[0]!, seen);
  }
  {
    await using rig = await Rig.start((server, options) =>
      new MimeBoxShare(server, (job) => jobs.add(job), options)
    );
    await rig.arrive(odd, "exe");
    await jobs.until(2);
  }
  for (const { file, title } of jobs.entries) {
    assertMatch(file + title, seen);
    assertMatch(file, /\.exe$/);
  }
});

/** Nothing of it is looked at but the name. */
const ACCESS: SessionAccess = {
  connection: {} as SshConnection,
  session: { name: "s" } as ReadySession,
};

function printer(handler: JobHandler): Promise<Rig<PrinterShare>> {
  return Rig.start((server, options) =>
    new PrinterShare(server, handler, options)
  );
}

/** An open spool without a server: the test plays the server's part. */
class Rig<S extends PrinterShare | MimeBoxShare> implements AsyncDisposable {
  readonly problems = new Log<string>();
  readonly share: S;
  #folder: Folder | undefined;

  private constructor(
    make: (
      server: FolderServer,
      options: { onProblem: (problem: Error) => void },
    ) => S,
  ) {
    const server = {
      mount: (_: SessionAccess, folder: Folder) => {
        this.#folder = folder;
        const mounted = { mountPoint: "/there", unmount: async () => {} };
        return Promise.resolve(mounted as unknown as MountedFolder);
      },
    } as unknown as FolderServer;
    this.share = make(server, {
      onProblem: ({ message }) => this.problems.add(message),
    });
  }

  static async start<S extends PrinterShare | MimeBoxShare>(
    make: (
      server: FolderServer,
      options: { onProblem: (problem: Error) => void },
    ) => S,
  ): Promise<Rig<S>> {
    const rig = new Rig(make);
    await rig.share.resume(ACCESS);
    return rig;
  }

  /** Where the server puts jobs. */
  get spool(): string {
    return this.#folder!.path;
  }

  /** Writes a file, and notifies the share. */
  async arrive(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.spool, name), text);
    this.arrived(name);
  }

  arrived(name: string): void {
    this.#folder!.onArrival?.(join(this.spool, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.share.stop();
  }
}
