import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import type { ByteStream } from "../../streams/byte_stream.ts";
import { ChunkReader } from "../../streams/chunk_reader.ts";

/** Connects to a named pipe of Windows, such as `\\.\pipe\openssh-ssh-agent`, which `Deno.connect` cannot. */
export async function connectPipe(
  path: string,
  signal: AbortSignal,
): Promise<Omit<ByteStream, "closeWrite">> {
  const socket = connect({ path });
  try {
    await once(socket, "connect", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const reader = new ChunkReader(
    Readable.toWeb(socket) as ReadableStream<Uint8Array>,
  );
  return {
    read: (p) => reader.read(p),
    write: (p) =>
      new Promise((resolve, reject) =>
        socket.write(p, (error) => error ? reject(error) : resolve(p.length))
      ),
    close: () => void socket.destroy(),
  };
}
