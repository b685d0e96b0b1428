/**
 * What is done about Nagle's algorithm on the server. sshd leaves it on until
 * it runs a command or a shell for the connection; small answers then wait for
 * acknowledgements, which our kernel delays by up to 40 ms.
 *
 * - `auto`: acknowledges soon what came in, with small messages of ours, until
 *   a command or a shell runs on the connection.
 * - `always`: runs the command `:` after the login, which does nothing, and
 *   turns the algorithm off. Round trips and new connections are faster then. A
 *   command that the server forces (`ForceCommand`, `command=`) runs instead of
 *   it; it takes a session (`MaxSessions`) and a line in the server's log.
 * - `never`: nothing, as `ssh -N`.
 */
export type NoDelay = "auto" | "always" | "never";

/** What {@linkcode NoDelay} can be. */
export const noDelayModes: readonly NoDelay[] = ["auto", "always", "never"];
