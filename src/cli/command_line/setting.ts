/** A line of ssh_config as `-o` takes it, quoted where its syntax needs it. */
export function setting(keyword: string, value: string): string {
  return /^[^\s"'\\#=]+$/.test(value)
    ? `${keyword}=${value}`
    : `${keyword}="${value.replace(/["\\]/g, "\\$&")}"`;
}
