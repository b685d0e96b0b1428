import type { Shell } from "./arguments.ts";
import type { Flag } from "./flag.ts";
import { flags as allFlags } from "./flag_table.ts";

/**
 * A script that has a shell complete the flags, and hosts as the shell
 * completes them for ssh: from `~/.ssh/config` and `known_hosts`.
 *
 * @param flags Those with a help text are offered; the shell needs to know the others to parse the line.
 */
export function completions(
  shell: Shell,
  flags: readonly Flag[] = allFlags,
): string {
  return scripts[shell](flags);
}

const scripts: Record<Shell, (flags: readonly Flag[]) => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

type Value = NonNullable<Flag["value"]>;

function bashScript(flags: readonly Flag[]): string {
  // Flags whose values are completed in the same way share a branch.
  const branches = new Map<string, string[]>();
  for (const { names, value } of flags) {
    if (value === undefined) continue;
    const action = bashAction(value);
    branches.set(action, [...branches.get(action) ?? [], ...names]);
  }
  const cases = [...branches].map(([action, names]) =>
    `    ${names.join("|")}) ${action} ;;`
  );
  return `# Completions for bash: source <(rforward --completions bash)
_rforward() {
  local IFS=$'\\n' word=$2
  COMPREPLY=()
  case $3 in
${cases.join("\n")}
    *)
      if [[ $word == -* ]]; then
        COMPREPLY=(${
    bashWords(flags.filter(isOffered).flatMap(({ names }) => names))
  })
      else
        _rforward_hosts
      fi
      ;;
  esac
}

_rforward_hosts() {
  if declare -F _known_hosts_real > /dev/null; then
    IFS=$' \\t\\n' _known_hosts_real -a -- "$word"
    return
  fi
  # Bash may take user@host apart before the @.
  local user=
  [[ $word == *@* ]] && user=\${word%@*}@
  COMPREPLY=($(compgen -P "$user" -W "$({
    awk 'tolower($1) == "host" { for (i = 2; i <= NF; i++) print $i }' ~/.ssh/config
    awk '!/^[@|#]/ { n = split($1, names, ","); for (i = 1; i <= n; i++) {
      sub(/^\\[/, "", names[i]); sub(/\\](:[0-9]+)?$/, "", names[i]); print names[i]
    } }' ~/.ssh/known_hosts
  } 2> /dev/null | grep -E '^[[:alnum:]][[:alnum:]._:-]*$' | sort -u)" -- "\${word##*@}"))
}

complete -F _rforward rforward
`;
}

function bashAction({ complete, open }: Value): string {
  switch (complete) {
    case undefined:
      return ":";
    case "files":
      return 'compopt -o filenames 2> /dev/null; COMPREPLY=($(compgen -f -- "$word"))';
    case "users":
      return 'COMPREPLY=($(compgen -u -- "$word"))';
    case "hosts":
      return "_rforward_hosts";
    default:
      return `${open ? "compopt -o nospace 2> /dev/null; " : ""}COMPREPLY=(${
        bashWords(complete)
      })`;
  }
}

/** Those words that begin with what was typed; compgen expands each of them. */
function bashWords(words: readonly string[]): string {
  return `$(compgen -W ${quote(words.map(backslashed).join("\n"))} -- "$word")`;
}

function zshScript(flags: readonly Flag[]): string {
  const specs = flags.flatMap((flag) =>
    flag.names.map((name) => quote(zshSpec(name, flag)))
  );
  return `#compdef rforward
# Completions for zsh: source <(rforward --completions zsh)
# or, in a directory of $fpath: rforward --completions zsh > _rforward
_rforward() {
  _arguments -s -S \\
    ${specs.join(" \\\n    ")} \\
    ':destination:_rforward_hosts'
}

_rforward_hosts() {
  compset -P '*[,@]'
  _ssh_hosts
}

if [[ $funcstack[1] == _rforward ]]; then
  _rforward "$@"
else
  compdef _rforward rforward
fi
`;
}

/** A flag for _arguments: `*` if it may be given again, `!` if it is not to be offered. */
function zshSpec(name: string, { value, help }: Flag): string {
  const marked = help === undefined ? `!${name}` : `*${name}`;
  const text = help === undefined
    ? ""
    : `[${help.replace(/[[\]\\]/g, "\\$&")}]`;
  if (value === undefined) return `${marked}${text}`;
  // The value may be in the same word, of a long flag after a "=".
  const joint = name.startsWith("--") ? "=" : "+";
  return `${marked}${joint}${text}:${value.name}:${zshAction(value)}`;
}

function zshAction({ complete, open }: Value): string {
  switch (complete) {
    case undefined:
      return " ";
    case "files":
      return "_files";
    case "users":
      return "_users";
    case "hosts":
      return "_rforward_hosts";
  }
  // _arguments evaluates them; a colon would end the action.
  const words = complete.map(backslashed).join(" ").replaceAll(":", "\\:");
  return open ? `{compadd -S "" -- ${words}}` : `(${words})`;
}

function fishScript(flags: readonly Flag[]): string {
  const lines = flags.filter(isOffered).map(({ names, value, help = "" }) =>
    [
      "complete -c rforward",
      ...names.map((name) =>
        name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
      ),
      ...value ? [fishAction(value)] : [],
      `-d ${fishQuote(help)}`,
    ].join(" ")
  );
  return `# Completions for fish: rforward --completions fish | source
# or for good: rforward --completions fish > ~/.config/fish/completions/rforward.fish
complete -c rforward -x -a '(__fish_complete_user_at_hosts)'
${lines.join("\n")}
`;
}

function fishAction({ complete }: Value): string {
  switch (complete) {
    case undefined:
      return "-x";
    case "files":
      return "-r -F";
    case "users":
      return "-x -a '(__fish_complete_users)'";
    case "hosts":
      return "-x -a '(__fish_complete_user_at_hosts)'";
    default:
      // fish expands them when it completes.
      return `-x -a ${fishQuote(complete.map(fishQuote).join(" "))}`;
  }
}

function isOffered({ help }: Flag): boolean {
  return help !== undefined;
}

/** Text as one word, for bash and zsh. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A word that bash or zsh is to expand to itself. */
function backslashed(word: string): string {
  return word.replace(/[^\w@.,:=+/-]/g, "\\$&");
}

/** Text as one word, for fish. */
function fishQuote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
