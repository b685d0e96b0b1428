import { statfs } from "node:fs/promises";
import type { Place } from "./shared_folders.ts";

/** How full a file system is. */
export interface FileSystemSpace {
  /** Bytes of a block. */
  blockSize: number;
  blocks: number;
  blocksFree: number;
  /** Free blocks that are not reserved for root. */
  blocksAvailable: number;
  files: number;
  filesFree: number;
  readOnly: boolean;
}

/** The space of the file system that a place is on. */
export async function spaceAround(
  { path, root }: Place,
): Promise<FileSystemSpace> {
  const space = await statfs(path);
  return {
    blockSize: space.bsize,
    blocks: space.blocks,
    blocksFree: space.bfree,
    blocksAvailable: space.bavail,
    files: space.files,
    filesFree: space.ffree,
    readOnly: root.readOnly,
  };
}
