import type { IncomingMessage } from "node:http";
import type { RequestBody } from "./request_body.ts";

/** Methods that `Request` does not take (Fetch standard, section 2.2.1). */
const FORBIDDEN = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Headers of a request, as with `Deno.serve`: thousands of names take Deno seconds. */
const MAX_HEADERS = 100;

/** What a client sent cannot be made a request of; answered with this status. */
export class RequestError extends Error {
  constructor(readonly status: 400 | 405 | 431, message: string) {
    super(message);
  }
}

/**
 * A genuine `Request`, which can be cloned, passed to `fetch` and wrapped,
 * unlike the imitations that other adapters make for speed.
 *
 * @param body The body of `message`, which is opened if there is one.
 * @param host What was connected to, for clients that do not say it.
 * @param signal Aborts when the client is gone.
 * @throws {RequestError} if there is no such request.
 */
export function toRequest(
  message: IncomingMessage,
  body: RequestBody,
  host: string,
  signal: AbortSignal,
): Request {
  const { method = "GET" } = message;
  if (FORBIDDEN.has(method)) {
    throw new RequestError(405, `the method ${method} is not supported`);
  }
  if (message.rawHeaders.length > 2 * MAX_HEADERS) {
    throw new RequestError(431, `more than ${MAX_HEADERS} headers`);
  }
  const headers = headersOf(message);
  const hasBody = method !== "GET" && method !== "HEAD" &&
    (headers.has("transfer-encoding") ||
      Number(headers.get("content-length") ?? 0) > 0);
  return new Request(urlOf(message, headers.get("host") || host), {
    method,
    headers,
    signal,
    ...hasBody && { body: body.open(), duplex: "half" },
  });
}

/** @param host The `Host` header; several are joined by commas, which no host has (RFC 9112 section 3.2). */
function urlOf({ url: path = "/" }: IncomingMessage, host: string): string {
  const origin = /^[^\s/?#@\\,]+$/.test(host) && URL.parse(`http://${host}`);
  if (!origin) throw new RequestError(400, "the Host header has no host");
  // A path of two slashes is no other host; a proxy's client sends a whole URL.
  const url = path.startsWith("/")
    ? URL.parse(`${origin.origin}${path}`)
    : path === "*"
    ? URL.parse(`${origin.origin}/*`) // as with Deno.serve
    : URL.parse(path);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new RequestError(400, "the request target is not a valid URL");
  }
  return url.href;
}

// Not from `headers` and `headersDistinct`, where a header `__proto__` is trouble.
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  return headers;
}
