/** Polls until a condition holds that causes no event. */
export async function eventually(
  what: string,
  holds: () => boolean,
): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i === 1000) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
