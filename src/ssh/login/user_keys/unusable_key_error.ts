/** A key cannot be used to log in; the login goes on without it. */
export class UnusableKeyError extends Error {
  override readonly name = "UnusableKeyError";
}
