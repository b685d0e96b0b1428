import { isIP } from "node:net";
import { timingSafeEqual } from "node:crypto";
import { ArgumentError } from "../../errors.ts";
import type { ListenAddress } from "../command_line/values/listen_address.ts";
import { type ServedPages, servePages } from "../observe/serve_pages.ts";
import { page } from "./page.ts";
import { script } from "./page_script.ts";
import { style } from "./page_style.ts";
import type { StatusModel } from "./status_model.ts";

/** How long a request to pause or resume may be, in bytes. */
const MAX_BODY = 1000;

/** What the page can do. */
export interface StatusActions {
  /** Pauses a tunnel; throws an ArgumentError if its place is out of range. */
  pause(tunnel: number): void;
  /** Resumes it. */
  resume(tunnel: number): void;
}

/** What the status page is served with. */
export interface StatusOptions {
  /** Where. */
  readonly address: ListenAddress;
  /** What it shows. */
  readonly model: StatusModel;
  /** What it can do. */
  readonly actions: StatusActions;
  /** What has to be presented for that. */
  readonly token: string;
}

/**
 * Serves the status page: one page, which loads nothing from elsewhere. Whoever
 * reaches the address may look; to pause and resume takes the token.
 *
 * Other sites in the user's browser get nothing: a request has to name this
 * machine by address, as `localhost` or as the command line does, so that no
 * name of theirs can lead here, and may not come from another origin.
 *
 * @throws {ArgumentError} if it cannot listen there.
 */
export async function serveStatus(
  { address, model, actions, token }: StatusOptions,
): Promise<ServedPages> {
  const headers = await headersFor();
  const expected = await digest(token);
  const respond = (body: string, status: number, type = "text/plain") =>
    new Response(body, {
      status,
      headers: { ...headers, "content-type": `${type}; charset=utf-8` },
    });

  async function act(
    request: Request,
    action: (tunnel: number) => void,
  ): Promise<Response> {
    if (request.method !== "POST") return respond("use POST\n", 405);
    // Browsers send it with every POST.
    if (!request.headers.has("origin")) return respond("no origin\n", 403);
    const given = request.headers.get("authorization") ?? "";
    const presented = await digest(given.replace(/^Bearer /, ""));
    if (!timingSafeEqual(presented, expected)) {
      return respond("the token is wrong\n", 401);
    }
    try {
      const place = await readBody(request);
      action(/^\d+$/.test(place) ? Number(place) : NaN);
      return respond("done\n", 200);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      return respond(`${error.message}\n`, 400);
    }
  }

  return servePages("--status", address, async (request) => {
    if (!isOurs(request, address.hostname)) {
      return respond("this is not for other sites\n", 403);
    }
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/pause":
        return await act(request, actions.pause);
      case "/resume":
        return await act(request, actions.resume);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return respond("use GET\n", 405);
    }
    switch (pathname) {
      case "/":
        return respond(page, 200, "text/html");
      case "/status.json":
        return respond(JSON.stringify(model.read()), 200, "application/json");
      default:
        return respond("there is no such page\n", 404);
    }
  });
}

/** Whether a request is made by a person or by our own page. */
function isOurs({ headers }: Request, hostname: string): boolean {
  const host = headers.get("host") ?? "";
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  // An address cannot be made to lead elsewhere, as a name can.
  const isKnown = isIP(name) !== 0 || name === "localhost" || name === hostname;
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  return isKnown && (origin === null || origin === `http://${host}`) &&
    (site === null || site === "same-origin" || site === "none");
}

/** The page may use its own script and style, and talk to where it comes from. */
async function headersFor(): Promise<Record<string, string>> {
  const hash = async (text: string) =>
    `'sha256-${(await digest(text)).toBase64()}'`;
  return {
    "content-security-policy": [
      "default-src 'none'",
      `script-src ${await hash(script)}`,
      `style-src ${await hash(style)}`,
      "connect-src 'self'",
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join("; "),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  };
}

async function digest(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

async function readBody({ body }: Request): Promise<string> {
  let text = "";
  const chunks = body?.pipeThrough(new TextDecoderStream()) ?? [];
  for await (const chunk of chunks) {
    text += chunk;
    if (text.length > MAX_BODY) throw new ArgumentError("body", "is too long");
  }
  return text;
}
