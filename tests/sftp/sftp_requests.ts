import { OpenFlag, Packet } from "../../src/sftp/protocol/sftp_protocol.ts";
import {
  attributes,
  concat,
  packet,
  string,
  uint32,
  uint64,
} from "./sftp_client.ts";

const { read: READ } = OpenFlag;

export const init = (version: number) => packet(Packet.init, uint32(version));

/** Good requests of every kind, in a folder with a file, for a handle of it. */
export function requests(
  path: string,
  handle: Uint8Array,
): [number, Uint8Array][] {
  const file = string(`${path}/file`);
  const open = string(handle);
  const extended = (name: string, ...fields: Uint8Array[]) =>
    [Packet.extended, concat(string(name), ...fields)] as [number, Uint8Array];
  return [
    [Packet.open, concat(file, uint32(READ), attributes())],
    [Packet.read, concat(open, uint64(0), uint32(4))],
    [Packet.write, concat(open, uint64(0), string("text"))],
    [Packet.lstat, file],
    [Packet.fstat, open],
    [
      Packet.setstat,
      concat(
        file,
        attributes({ size: 4, times: { accessed: 1, modified: 1 } }),
      ),
    ],
    [Packet.fsetstat, concat(open, attributes({ permissions: 0o600 }))],
    [Packet.opendir, string(path)],
    [Packet.readdir, open],
    [Packet.remove, string(`${path}/gone`)],
    [Packet.mkdir, concat(string(path), attributes({ permissions: 0o700 }))],
    [Packet.rmdir, string(`${path}/gone`)],
    [Packet.realpath, file],
    [Packet.stat, file],
    [Packet.rename, concat(string(`${path}/gone`), string(`${path}/gone2`))],
    [Packet.readlink, file],
    [Packet.symlink, concat(string("file"), file)],
    extended(
      "posix-rename@openssh.com",
      string(`${path}/gone`),
      string(`${path}/gone2`),
    ),
    extended("statvfs@openssh.com", file),
    extended("fstatvfs@openssh.com", open),
    extended("hardlink@openssh.com", file, file),
    extended("fsync@openssh.com", open),
    extended("limits@openssh.com"),
  ];
}
