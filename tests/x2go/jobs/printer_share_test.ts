import { join } from "node:path";
import type { X2GoError } from "../../../src/x2go/errors.ts";
import {
  type Job,
  type JobHandler,
  runCommand,
  saveJobs,
} from "../../../src/x2go/jobs/jobs.ts";
import { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { run } from "../../servers/run.ts";
import { startPrinter } from "../../servers/x2go_printing.ts";
import { within } from "../../within.ts";
import { Desk } from "../desk.ts";
import { Log } from "../log.ts";
import { startXterm } from "../start_xterm.ts";

serverTest(
  "x2goprint",
  "session.sharePrinter() and session.shareMimeBox() hand over what the session prints and puts there",
  async (t) => {
    await using xterm = await startXterm();
    const { x2go, connection, session } = xterm;
    await using desk = await Desk.create();

    await t.step("through CUPS: whole, by its title, each once", async () => {
      await using printer = await startPrinter(x2go);
      const titles = Array.from({ length: 10 }, (_, i) => `page ${i}`);
      titles[3] = 'it\'s "ours" $(id) ../../a:b ünï 漢字';
      const pages = await desk.mkdir("pages");
      const jobs = new Jobs(saveJobs(pages));
      await using share = await session.sharePrinter(jobs.handler);
      assertEquals(
        share.mountPoint,
        `/tmp/.x2go-${x2go.user}/spool/C-${session.info.name}`,
      );
      assertEquals(session.environment["X2GO_SPOOLDIR"], share.mountPoint);

      await Promise.all(titles.map((title) => printer.print(title)));
      await within(120_000, "ten jobs", jobs.until(10));
      await share.stop();

      assertEquals(jobs.titles.sort(), [...titles].sort());
      const saved = [...Deno.readDirSync(pages)].map(({ name }) => name);
      assertEquals(
        saved.sort(),
        titles.map((title) => `${title.replace(/[/":*]+/g, "_")}.pdf`).sort(),
      );
      for (const name of saved) {
        assertMatch(await Deno.readTextFile(join(pages, name)), /^%PDF-/);
      }
      for (const { file } of jobs.entries) await assertGone(file);
      assertEquals(await session.listMounts(), []);
    });

    await t.step("to a command, again if that fails", async () => {
      const [log, tray] = [join(desk.path, "log"), join(desk.path, "tray")];
      const jobs = new Jobs(
        // Fails unless there is a tray.
        runCommand("sh", ({ title, file }) => [
          ...["-ec", 'echo no tray >&2; cd "$1"; cp "$3" .; echo "$2" >> "$4"'],
          ...["sh", tray, title, file, log],
        ]),
      );
      const problems = new Log<X2GoError>();
      await using share = await session.sharePrinter(jobs.handler, {
        onProblem: (problem) => problems.add(problem),
      });

      await print("first", "it's $(id)");
      await within(60_000, "the first job", problems.until(1));
      assertEquals(share.failed.map(({ title }) => title), ["it's $(id)"]);
      assertEquals(problems.entries.map(({ code }) => code), ["x2go-share"]);
      assertMatch(
        problems.entries[0]!.message,
        /^"it's \$\(id\)" .*sh failed .*no tray/,
      );
      await Deno.stat(share.failed[0]!.file);

      await Deno.mkdir(tray);
      await print("second", "two");
      await within(60_000, "both jobs", jobs.until(3));
      await share.stop();

      assertEquals(await Deno.readTextFile(log), "it's $(id)\ntwo\n");
      assertEquals([...Deno.readDirSync(tray)].length, 2);
      assertEquals(share.failed, []);
      for (const { file } of jobs.entries) await assertGone(file);
    });

    await t.step("and nothing once it was stopped", async () => {
      await print("late", "late");
      const left = await x2go.run(
        `find /tmp/.x2go-${x2go.user}/spool -type f`,
      );
      assertEquals(left, "");
    });

    await t.step("one printer a session", async () => {
      await using share = await session.sharePrinter(() => {});
      const problem = await assertRejects(
        () => session.sharePrinter(() => {}),
        Error,
      );
      assertMatch(problem.message, /has a printer already/);
      assertEquals(session.shares.size, 1);

      // Nor through a client elsewhere, which does not take it away.
      await using other = await X2GoSession.attach(
        connection,
        session.info.name,
      );
      const same = await assertRejects(
        () => other.sharePrinter(() => {}),
        Error,
      );
      assertEquals(same.message, problem.message);
      assertEquals(await session.listMounts(), [share.mountPoint]);
    });

    await t.step("and the files that are put into its MIME box", async () => {
      const files = await desk.mkdir("files");
      const jobs = new Jobs(saveJobs(files));
      await using box = await session.shareMimeBox(jobs.handler);
      assertEquals(
        box.mountPoint,
        `/tmp/.x2go-${x2go.user}/mimebox/C-${session.info.name}`,
      );

      await x2go.run(`cd '${box.mountPoint}'
      echo hello > 'a letter.txt'
      echo moved > ~/moved; mv ~/moved .
      (echo one; sleep 0.3; echo two) > slowly
      echo kept > .hidden; mkdir directory; mv directory folder; echo kept > folder/file
      echo renamed > .part; mv .part 'ünï "quoted"'`);
      await within(60_000, "four files", jobs.until(4));
      assertEquals(
        await x2go.run(`cd '${box.mountPoint}'; find . -type f | sort`),
        "./.hidden\n./folder/file\n",
      );
      await box.stop();

      // sshfs reports a closed file with a delay.
      assertEquals(jobs.titles.sort(), [
        ...["a letter.txt", "moved", "slowly", 'ünï "quoted"'],
      ]);
      const read = (name: string) => Deno.readTextFile(join(files, name));
      assertEquals(await read("a letter.txt"), "hello\n");
      assertEquals(await read("slowly"), "one\ntwo\n");
      assertEquals(await read("ünï _quoted_"), "renamed\n");
      for (const { file } of jobs.entries) await assertGone(file);
    });

    /** Prints as CUPS does once a job has its turn. */
    async function print(name: string, title: string): Promise<void> {
      const file = await desk.write(`${name}.ps`, "%!PS\nshowpage\n");
      await run(x2go.asRoot[0]!, [
        ...x2go.asRoot.slice(1),
        ...["env", "-i", "PATH=/usr/bin:/bin:/usr/sbin:/sbin"],
        ...["/usr/lib/cups/backend/cups-x2go", "17", x2go.user],
        ...[title, "1", "", file],
      ]);
    }
  },
);

/** Writes down which jobs were handled, well or not. */
class Jobs extends Log<Job> {
  readonly handler: JobHandler;

  /** @param handle What is done with them. */
  constructor(handle: JobHandler) {
    super();
    this.handler = async (job) => {
      try {
        const { mode } = await Deno.stat(job.file);
        assertEquals((mode ?? 0) & 0o7777, 0o600);
        await handle(job);
      } finally {
        this.add(job);
      }
    };
  }

  get titles(): string[] {
    return this.entries.map(({ title }) => title);
  }
}

async function assertGone(file: string): Promise<void> {
  await assertRejects(() => Deno.lstat(file), Deno.errors.NotFound);
  assert(file.startsWith("/"));
}
