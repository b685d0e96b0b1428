/** Whether `path` is `folder` or in it; both are absolute and normal. */
export function contains(folder: string, path: string): boolean {
  return path === folder ||
    path.startsWith(folder === "/" ? folder : `${folder}/`);
}
