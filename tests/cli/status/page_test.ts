/** The status page in a real browser, with all that can be on it. */
import { serveStatus } from "../../../src/cli/status/serve_status.ts";
import { StatusModel } from "../../../src/cli/status/status_model.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { optionalTest } from "../../servers/availability.ts";
import { type BrowserPage, startChromium } from "../../servers/chromium.ts";
import {
  connectionOf,
  probeOf,
  snapshotOf,
  tunnelOf,
} from "../report/scene.ts";

/** What a page must show, and never become. */
const HOSTILE = "<img/src=x/onerror=document.title='owned'><b>\u202eevil</b>";

/** What is left of it: nothing that controls a terminal or turns text around. */
const SHOWN = HOSTILE.replace("\u202e", " ");

/** A page whose every text is hostile, with this many connections. */
async function startPage(connections: number) {
  const warning = `a warning ${HOSTILE}`;
  const model = new StatusModel(`the server ${HOSTILE}`, () =>
    snapshotOf({
      error: new Error(`an error ${HOSTILE}`) as never,
      server: {
        ...{ hostname: "192.0.2.1", port: 22, user: "alice" },
        software: `a version ${HOSTILE}`,
      } as never,
      tunnels: [
        tunnelOf({
          target: `a target ${HOSTILE}`,
          bound: { path: `/run/a bind ${HOSTILE}` },
          live: connections,
          total: connections,
          bytesToTarget: 1_000_000,
          probe: probeOf({ warning }),
        }),
        tunnelOf({ state: "paused", bytesToServer: 999_999_999_999 }),
        tunnelOf({ state: "denied", failed: 7 }),
      ],
    }));
  model.recordBanner(`a banner ${HOSTILE}`);
  for (let i = 0; i < connections; i++) {
    const { connection } = connectionOf({ address: `a client ${HOSTILE}` });
    model.record({ type: "opened", tunnel: 0, connection });
  }
  const server = await serveStatus({
    address: { hostname: "127.0.0.1", port: 0 },
    model,
    actions: { pause() {}, resume() {} },
    token: "s3cret",
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      model[Symbol.dispose]();
    },
  };
}

/** Has the page as wide as that, in a scheme. */
async function setScreen(
  page: BrowserPage,
  width: number,
  scheme = "light",
): Promise<void> {
  await page.send("Emulation.setDeviceMetricsOverride", {
    ...{ width, height: 700, deviceScaleFactor: 1, mobile: width < 500 },
  });
  await page.send("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: scheme }],
  });
}

/** The contrast of each kind of text with what is behind it (WCAG 2.2, section 1.4.3). */
const CONTRASTS = `(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255)
      .map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b + .05;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
  };
  return [...document.querySelectorAll("body *")]
    .filter((it) => it.textContent && it.offsetParent && !it.disabled)
    .map((it) => {
      const both = [getComputedStyle(it).color, behind(it)].map(light);
      return Math.max(...both) / Math.min(...both);
    });
})()`;

optionalTest(
  "chromium",
  "the status page shows hostile text as text, fits a phone, and has enough contrast in light and dark",
  async () => {
    await using browser = await startChromium();
    for (const connections of [0, 200]) {
      await using page = await startPage(connections);
      await setScreen(browser, 1280);
      await browser.open(page.url);
      await browser.until(
        `document.querySelectorAll(".tunnel").length === 3 &&
          document.querySelectorAll("tbody tr").length === ${connections}`,
      );
      const text = await browser.evaluate<string>("document.body.innerText");
      const kinds = [
        ...["server", "error", "version", "target", "bind", "warning"],
        ...["banner", ...connections ? ["client"] : []],
      ];
      for (const kind of kinds) {
        assert(text.includes(`${kind} ${SHOWN}`), `${kind}: ${text}`);
      }
      assert(text.includes("↑ 1.0\u00a0TB to the server"), text);
      const age = await browser.evaluate<string>(
        "document.querySelector('tbody tr td:nth-child(3)')?.innerText ?? '0\u00a0s'",
      );
      assertMatch(age, /^\d+\u00a0(s|min)/);
      const title = await browser.evaluate<string>("document.title");
      assertEquals(title, `up – the server ${SHOWN}`);
      const made = "document.querySelectorAll('img, b').length";
      assertEquals(await browser.evaluate(made), 0);

      for (const width of [320, 375, 640, 1280]) {
        for (const scheme of ["light", "dark"]) {
          await setScreen(browser, width, scheme);
          const size = "document.documentElement.scrollWidth";
          const taken = await browser.evaluate<number>(size);
          assert(taken <= width, `${taken} of ${width}`);
          const contrasts = await browser.evaluate<number[]>(CONTRASTS);
          assert(contrasts.length > 20);
          assert(Math.min(...contrasts) >= 4.5, `${Math.min(...contrasts)}`);
        }
      }
    }
    assertEquals(browser.complaints, []);
  },
);

optionalTest(
  "chromium",
  "the status page is used by keyboard and read aloud, and says that it needs JavaScript",
  async () => {
    await using browser = await startChromium();
    await using page = await startPage(1);
    await browser.open(page.url);
    await browser.until("document.querySelectorAll('.tunnel').length === 3");
    const stops: string[] = [];
    await browser.evaluate(
      `sessionStorage.setItem("token", "s3cret"), location.reload()`,
    );
    await browser.until(
      "document.querySelector('.tunnel button')?.disabled === false",
    );
    const names = [
      `/run/a bind ${SHOWN} → a target ${SHOWN}`,
      "localhost:8080",
    ];
    for (let i = 0; i < 5; i++) {
      for (const type of ["keyDown", "keyUp"]) {
        await browser.send("Input.dispatchKeyEvent", {
          ...{ type, key: "Tab", code: "Tab", windowsVirtualKeyCode: 9 },
        });
      }
      const [name, outline] = await browser.evaluate<[string, string]>(
        `[document.activeElement.getAttribute("aria-label"),
          getComputedStyle(document.activeElement).outlineStyle]`,
      );
      assertEquals(outline, "solid", `${name} shows no focus`);
      stops.push(name);
    }
    assertEquals(stops.map((it) => it.slice(0, 18)), [
      ...["Pause /run/a bind ", "Resume localhost:8", "Pause localhost:80"],
      ...["Live connections", "Last events"],
    ]);
    const { nodes } = await browser.send("Accessibility.getFullAXTree");
    const read = (role: string): string[] =>
      nodes.filter((it: { role?: { value: string } }) =>
        it.role?.value === role
      )
        .map((it: { name: { value: string } }) => it.name.value);
    assertEquals(read("article")[0], names[0]);
    assertMatch(
      read("image")[0] ?? "",
      /^Rates of the last two minutes: now 0\sB\/s to the target and 0\sB\/s to the server, at most /,
    );
    assertEquals(read("columnheader"), [
      ...["From", "At", "Age", "To target", "To server"],
    ]);

    await browser.send("Emulation.setScriptExecutionDisabled", { value: true });
    await browser.open(page.url);
    const { root } = await browser.send("DOM.getDocument", { depth: -1 });
    assertMatch(JSON.stringify(root), /This page needs JavaScript/);
  },
);
