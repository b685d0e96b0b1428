/** Exit statuses, those of ssh where it has them. */
export const EXIT = { ended: 0, usage: 2, failed: 255 } as const;
