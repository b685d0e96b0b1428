/** Why a key cannot be used, in our own words: those of others could hold some of it. */
export class UnusableKey extends Error {}
