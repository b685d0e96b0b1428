/** The attributes that were asked for, or undefined if there is nothing of that name. A link that leads nowhere is something. */
export async function ifThere(
  info: Promise<Deno.FileInfo>,
): Promise<Deno.FileInfo | undefined> {
  try {
    return await info;
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return undefined;
    throw error;
  }
}
