/** Whether this machine knows ports by name: `/etc/services`, of Debian's netbase. */
export const hasServices: boolean = (() => {
  try {
    return Deno.statSync("/etc/services").isFile;
  } catch {
    return false;
  }
})();
