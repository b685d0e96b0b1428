/** A Hono app under load through an sshd, as a process whose memory can be measured. */
import { Hono } from "hono";
import { serve } from "../../../mod.ts";
import { connectTo } from "../rig.ts";

const CHUNK = new Uint8Array(64 * 1024);

/** A body of the size that the query says. */
function download(size: number): Response {
  let left = size;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(CHUNK.subarray(0, Math.min(left, CHUNK.length)));
      left -= CHUNK.length;
    },
  }, { highWaterMark: 0 });
  return new Response(body);
}

/** An event a second, as many as the query says. */
function events(count: number): Response {
  let n = 0;
  const body = new ReadableStream<string>({
    async pull(controller) {
      if (n === count) return controller.close();
      if (n > 0) await new Promise((resolve) => setTimeout(resolve, 1000));
      controller.enqueue(`data: ${++n}\n\n`);
    },
  });
  return new Response(body.pipeThrough(new TextEncoderStream()), {
    headers: { "content-type": "text/event-stream" },
  });
}

const connection = await connectTo(JSON.parse(Deno.args[0] ?? "{}"));
const app = new Hono()
  .get("/", (c) => c.text("hello"))
  .get("/download", (c) => download(Number(c.req.query("n"))))
  .get("/events", (c) => events(Number(c.req.query("n"))))
  .put("/upload", async (c) => {
    let size = 0;
    for await (const chunk of c.req.raw.body!) size += chunk.length;
    return c.text(`${size}`);
  });
const web = await serve(
  connection,
  { port: 0 },
  (request) => app.fetch(request),
);
console.log(web.port);
await web.finished;
