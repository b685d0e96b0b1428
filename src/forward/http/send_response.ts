import { type ServerResponse, STATUS_CODES } from "node:http";

/** A body that ends within a turn of the event loop is gathered up to this many bytes, so that its length is known. */
const MAX_GATHERED = 64 * 1024;

/** Statuses whose responses have no length (RFC 9110 section 8.6), but that of what they stand for. */
const WITHOUT_LENGTH = new Set([204, 304]);

/** Deno's fetch decodes these, and leaves the headers of the response as they were. */
const DECODED = new Set(["gzip", "br"]);

type Reader = ReadableStreamDefaultReader<unknown>;

/** What of a body was there at once. */
interface Start {
  readonly chunks: Uint8Array[];
  readonly size: number;
  /** What comes after it; undefined if that is all. */
  readonly next: ReturnType<Reader["read"]> | undefined;
}

/**
 * Sends a web response as node:http's, at the pace of the client, with a
 * `Content-Length` where all of the body is there at once. Settles when it is
 * sent, or when the client is gone.
 *
 * @param response Its body was not read.
 * @throws what the body fails with, or a TypeError if it has chunks other than
 * bytes, or another length than its headers say. The connection has to be
 * closed then.
 */
export async function sendResponse(
  target: ServerResponse,
  response: Response,
): Promise<void> {
  const reader = response.body?.getReader();
  let isFull = false;
  let wake = () => {};
  target.on("drain", () => {
    isFull = false;
    wake();
  });
  target.once("close", () => {
    wake();
    // A body that has failed says so to its reader, too.
    reader?.cancel(new DOMException("the response is over", "AbortError"))
      .catch(() => {});
  });
  const start = await gather(reader);
  const length = writeHead(target, response, start);
  if (target.req.method === "HEAD") return await end(target);
  let sent = 0;
  function write(chunk: Uint8Array): void {
    sent += chunk.length;
    if (length !== undefined && sent > length) throw otherLength(length);
    isFull = !target.write(chunk);
  }
  target.cork(); // the head and what is there of the body are one packet
  start.chunks.forEach(write);
  if (start.next) target.flushHeaders();
  target.uncork();
  for (let next = start.next; next; next = reader!.read()) {
    const { done, value } = await next;
    if (done) break;
    if (isFull && !target.destroyed) {
      await new Promise<void>((resolve) => wake = resolve);
    }
    if (target.destroyed) break;
    write(toBytes(value));
  }
  if (target.destroyed) return;
  if (length !== undefined && sent < length) throw otherLength(length);
  await end(target);
}

/** Reads as far as it takes no waiting. */
async function gather(reader: Reader | undefined): Promise<Start> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (!reader) return { chunks, size, next: undefined };
  const later = Promise.withResolvers<undefined>();
  const turn = setTimeout(() => later.resolve(undefined));
  try {
    for (;;) {
      const next = reader.read();
      next.catch(() => {}); // it may never be awaited
      const isEnough = chunks.length > 1 && size > MAX_GATHERED;
      const result = isEnough
        ? undefined
        : await Promise.race([next, later.promise]);
      if (!result) return { chunks, size, next };
      if (result.done) return { chunks, size, next: undefined };
      chunks.push(toBytes(result.value));
      size += chunks.at(-1)!.length;
    }
  } finally {
    clearTimeout(turn);
  }
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError("the body of a response has to be a stream of bytes");
}

/** @returns the length that it says. */
function writeHead(
  target: ServerResponse,
  { status, statusText, headers, url }: Response,
  { size, next }: Start,
): number | undefined {
  const isDecoded = url !== "" &&
    DECODED.has(headers.get("content-encoding") ?? "");
  const said = !isDecoded && headers.get("content-length") || "";
  const declared = /^\d{1,15}$/.test(said) ? Number(said) : undefined;
  const isHead = target.req.method === "HEAD";
  const known = next || WITHOUT_LENGTH.has(status) || (isHead && isDecoded)
    ? undefined
    : size;
  const length = isHead ? declared ?? known : known ?? declared;
  // How the body is framed is decided here.
  const framing = ["content-length", "transfer-encoding"];
  if (isDecoded) framing.push("content-encoding");
  const list = [...headers].filter(([name]) => !framing.includes(name)).flat();
  if (length !== undefined) list.push("content-length", `${length}`);
  target.writeHead(status, statusText || STATUS_CODES[status] || "", list);
  return length;
}

async function end(target: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => target.end(() => resolve()));
}

function otherLength(length: number): TypeError {
  return new TypeError(
    `the body of a response is not of ${length} bytes, as its content-length says`,
  );
}
