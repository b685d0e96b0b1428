/**
 * Runs a program to its end.
 *
 * @returns what it printed on standard output.
 * @throws {Error} with what it printed on standard error if it fails.
 */
export async function run(
  program: string,
  args: string[],
  stdin = "",
): Promise<string> {
  await using child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  // A program that does not read its input may have ended by now; its status is checked below.
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, code, stdout, stderr } = await output;
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(
    `${program} ${args.join(" ")} exited with ${code}: ${
      new TextDecoder().decode(stderr)
    }`,
  );
}
