/** A key cannot be used to log in; the login continues without it. */
export class UnusableKeyError extends Error {
  override readonly name = "UnusableKeyError";
}
