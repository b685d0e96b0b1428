/** Set-user-ID and set-group-ID. */
const SET_ID = 0o6000;
const SET_USER_ID = 0o4000;

/**
 * The mode that a client may give to a file: a client must not create programs that run with the rights of the folder's owner, whoever starts them. The bits are left out without an error, as on a file system that is
 * mounted `nosuid`; `cp -p` and the like still work. OpenSSH's server, whose clients
 * have the user's rights anyway, lets them through.
 */
export function safeFileMode(mode: number): number {
  return mode & ~SET_ID;
}

/**
 * The mode that a client may give to a directory. There set-group-ID says which
 * group new files belong to, and the sticky bit who may remove them: both are
 * expected to stay, and neither gives rights away.
 */
export function safeDirectoryMode(mode: number): number {
  return mode & ~SET_USER_ID;
}
