/** Looks again and again until something holds that tells nobody when it does. */
export async function eventually(
  what: string,
  holds: () => boolean,
): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i === 1000) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
