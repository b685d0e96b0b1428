/** The letter of each type of file, and Deno's name for it. */
const types = [
  ["d", "isDirectory"],
  ["l", "isSymlink"],
  ["c", "isCharDevice"],
  ["b", "isBlockDevice"],
  ["p", "isFifo"],
  ["s", "isSocket"],
] as const;
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const HALF_A_YEAR_MS = 183 * 24 * 3600 * 1000;

/**
 * The line that `ls -l` prints for a file (draft-ietf-secsh-filexfer-02
 * section 7), with numbers for owner and group. Clients show it; none should
 * read it.
 */
export function longName(name: string, info: Deno.FileInfo): string {
  return [
    modeText(info),
    String(info.nlink ?? 1).padStart(3),
    String(info.uid ?? 0).padEnd(8),
    String(info.gid ?? 0).padEnd(8),
    String(info.size).padStart(8),
    dateText(info.mtime ?? new Date(0)),
    name,
  ].join(" ");
}

function modeText(info: Deno.FileInfo): string {
  const type = types.find(([, is]) => info[is])?.[0] ?? "-";
  const mode = info.mode ?? 0;
  const letters = [..."rwxrwxrwx"].map((letter, i) =>
    mode & 0o400 >> i ? letter : "-"
  );
  const special = [[2, 0o4000, "s"], [5, 0o2000, "s"], [8, 0o1000, "t"]];
  for (const [at, bit, letter] of special as [number, number, string][]) {
    if (!(mode & bit)) continue;
    letters[at] = letters[at] === "x" ? letter : letter.toUpperCase();
  }
  return type + letters.join("");
}

function dateText(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const recent = Math.abs(Date.now() - date.getTime()) < HALF_A_YEAR_MS;
  return [
    months[date.getMonth()],
    String(date.getDate()).padStart(2),
    recent
      ? `${two(date.getHours())}:${two(date.getMinutes())}`
      : ` ${date.getFullYear()}`,
  ].join(" ");
}
