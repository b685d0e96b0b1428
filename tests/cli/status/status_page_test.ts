/** The status page of a running command, in a real browser. */
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { ask, isRefused, startEcho, visit } from "../../forward/rig.ts";
import { optionalTest } from "../../servers/availability.ts";
import { startChromium } from "../../servers/chromium.ts";
import { freePort } from "../../servers/free_port.ts";
import { startSshd } from "../../servers/openssh.ts";
import { sshArguments } from "../../servers/ssh_server.ts";
import { RforwardProcess } from "../rforward_process.ts";

optionalTest(
  ["sshd", "chromium"],
  "the status page shows what happens, pauses and resumes by keyboard, and shows hostile text as text",
  async () => {
    await using echo = startEcho("echo");
    const hostile = "<img/src=x/onerror=document.title='owned'>";
    const banner = await Deno.makeTempFile();
    await using _banner = {
      [Symbol.asyncDispose]: () => Deno.remove(banner),
    };
    const before = "<img/src=y/onerror=document.title='owned'>";
    await Deno.writeTextFile(banner, `Staff only.\n\n${before}\n${before}\n`);
    await using sshd = await startSshd({ config: [`Banner ${banner}`] });
    const port = freePort();
    await using rforward = new RforwardProcess({
      through: ["env", "RFORWARD_STATUS_TOKEN=s3cret"],
      args: [
        ...["--status", `${port}`],
        ...["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
        // What the server writes, and names, is text.
        ...["-o", `RemoteCommand=echo "${hostile}"`],
        ...["-R", `127.0.0.1:0:/tmp/${hostile}`],
        ...sshArguments(sshd),
      ],
    });
    await rforward.up();
    const bound = rforward.all("bound").find((it) => it.tunnel === 0)!.bound
      .port!;
    await using page = await startChromium();
    await page.open(`http://127.0.0.1:${port}/`);
    await page.until("document.querySelector('#state').textContent === 'up'");
    await page.until("document.body.innerText.includes('server: <img/src=x')");
    await page.until(
      "document.body.innerText.includes('server: Staff only.')",
    );
    assertEquals(await page.evaluate("document.images.length"), 0);
    assertMatch(await page.evaluate("document.title"), /^up – /);

    // Connections, and what went through them.
    const live = await Promise.all([visit(bound), visit(bound), visit(bound)]);
    await page.until("document.querySelectorAll('tbody tr').length === 3");
    for (const conn of live) conn.close();
    assertEquals(
      await ask(bound, "x".repeat(2000)),
      `echo: ${"x".repeat(2000)}`,
    );
    await page.until("document.querySelector('#count').textContent === '0'");
    await page.until(
      "document.querySelector('.tunnel').innerText.includes('0 live of 4')",
    );

    // Each line as often as the server wrote it, however often the page was refreshed.
    assertEquals(
      await page.evaluate(
        "[...document.querySelectorAll('#events span')].filter((it) => it.textContent.startsWith('server: <img/src=y')).length",
      ),
      2,
    );

    // By keyboard alone: the token, then the first button.
    const press = async (key: string, text?: string) => {
      const event = { key, code: key, ...text && { text } };
      const windowsVirtualKeyCode = { Tab: 9, Enter: 13, " ": 32 }[key];
      await page.send("Input.dispatchKeyEvent", {
        ...{ type: "keyDown", ...event, windowsVirtualKeyCode },
      });
      await page.send("Input.dispatchKeyEvent", {
        ...{ type: "keyUp", ...event, windowsVirtualKeyCode },
      });
    };
    const focus = () =>
      page.evaluate<string>("document.activeElement.textContent");
    assert(
      await page.evaluate("document.querySelector('.tunnel button').disabled"),
    );
    const enter = async (token: string) => {
      await page.evaluate("document.querySelector('#token').focus()");
      await page.send("Input.insertText", { text: token });
      await press("Enter", "\r");
    };
    await enter("wrong");
    await page.until("!document.querySelector('.tunnel button').disabled");
    await page.evaluate("document.querySelector('.tunnel button').click()");
    await page.until(
      "document.querySelector('#message').textContent === 'the token is wrong'",
    );
    assert(!await isRefused(bound));
    await enter("s3cret");
    await page.until("!document.querySelector('.tunnel button').disabled");
    await page.evaluate("document.activeElement.blur(), scrollTo(0, 0)");
    await press("Tab");
    for (let i = 0; await focus() !== "Pause" && i < 9; i++) await press("Tab");
    await press("Enter", "\r");
    await rforward.next("paused");
    await page.until(
      "document.querySelector('.tunnel').innerText.includes('paused')",
    );
    assert(await isRefused(bound));
    await page.until("document.activeElement.textContent === 'Resume'");
    await press(" ", " ");
    await rforward.next("resumed");
    await page.until(
      "document.querySelector('.tunnel .state').textContent.startsWith('up')",
    );
    const again = rforward.all("bound").at(-1)!.bound.port!;
    assertEquals(await ask(again, "hi"), "echo: hi");

    // Another site's page gets nothing, and the token is nowhere.
    const other = await startOther();
    await using _other = other;
    await page.open(`http://localhost:${other.addr.port}/`);
    assertEquals(
      await page.evaluate(
        `fetch("http://127.0.0.1:${port}/status.json").then(() => "read", () => "refused")`,
      ),
      "refused",
    );
    assert(!JSON.stringify(rforward.events).includes("s3cret"));
  },
);

function startOther(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response("<title>other</title>", {
        headers: { "content-type": "text/html" },
      }),
  );
}
