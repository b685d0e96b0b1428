import { statfs } from "node:fs/promises";

/** File systems of Linux that answer from memory or a local disk, by the magic numbers of statfs(2). */
const LOCAL: ReadonlySet<number> = new Set([
  0xEF53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683E, // Btrfs
  0xF2F52010, // F2FS
  0xCA451A4E, // bcachefs
  0x2FC12FC1, // ZFS
  0x01021994, // tmpfs
  0x794C7630, // overlayfs: containers
]);

/**
 * Whether a path is on a file system that cannot hang because of a network or
 * another program, as NFS and FUSE can. False where that is unknown: on systems
 * other than Linux, and without `--allow-sys=statfs`.
 */
export async function isLocalDisk(path: string): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    return LOCAL.has((await statfs(path)).type);
  } catch {
    return false;
  }
}
