import {
  type Option,
  options,
  type OptionValue,
  type Shell,
} from "./options.ts";

/**
 * A script that has a shell complete the options, and hosts as the shell
 * completes them for ssh: from `~/.ssh/config` and `known_hosts`.
 */
export function completions(shell: Shell): string {
  return scripts[shell]();
}

const scripts: Record<Shell, () => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** What is offered; the others are only known to the shell, so that it finds its way past them. */
const listed = options.filter((option) => option.help !== undefined);

function bashScript(): string {
  // Options whose values are completed in the same way share a branch.
  const branches = new Map<string, string[]>();
  for (const { flags, value } of options) {
    if (value === undefined) continue;
    const action = bashAction(value);
    branches.set(action, [...branches.get(action) ?? [], ...flags]);
  }
  const cases = [...branches].map(([action, flags]) =>
    `    ${flags.join("|")}) ${action} ;;`
  );
  return `# Completions for bash: source <(rforward --completions bash)
_rforward() {
  local IFS=$'\\n' word=$2
  COMPREPLY=()
  case $3 in
${cases.join("\n")}
    *)
      if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W $'${
    listed.flatMap(({ flags }) => flags).join("\\n")
  }' -- "$word"))
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

function bashAction({ complete, open }: OptionValue): string {
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
      return `${
        open ? "compopt -o nospace 2> /dev/null; " : ""
      }COMPREPLY=($(compgen -W $'${complete.join("\\n")}' -- "$word"))`;
  }
}

function zshScript(): string {
  const specs = options.flatMap((option) =>
    option.flags.map((flag) => quote(zshSpec(flag, option)))
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
function zshSpec(flag: string, { value, help }: Option): string {
  const name = help === undefined ? `!${flag}` : `*${flag}`;
  const text = help === undefined ? "" : `[${help.replace(/[[\]]/g, "\\$&")}]`;
  if (value === undefined) return `${name}${text}`;
  // The value may be in the same word, of a long option after a "=".
  const joint = flag.startsWith("--") ? "=" : "+";
  return `${name}${joint}${text}:${value.name}:${zshAction(value)}`;
}

function zshAction({ complete, open }: OptionValue): string {
  switch (complete) {
    case undefined:
      return " ";
    case "files":
      return "_files";
    case "users":
      return "_users";
    case "hosts":
      return "_rforward_hosts";
    default:
      return open
        ? `{compadd -S "" -- ${complete.join(" ")}}`
        : `(${complete.join(" ")})`;
  }
}

function fishScript(): string {
  const lines = listed.map(({ flags, value, help = "" }) => {
    const names = flags.map((flag) =>
      flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
    );
    return [
      "complete -c rforward",
      ...names,
      ...value === undefined ? [] : [fishAction(value)],
      `-d ${quote(help)}`,
    ].join(" ");
  });
  return `# Completions for fish: rforward --completions fish | source
# or for good: rforward --completions fish > ~/.config/fish/completions/rforward.fish
complete -c rforward -x -a '(__fish_complete_user_at_hosts)'
${lines.join("\n")}
`;
}

function fishAction({ complete }: OptionValue): string {
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
      return `-x -a ${quote(complete.join(" "))}`;
  }
}

/** A word for any of these shells, of text without quotes in it. */
function quote(word: string): string {
  return `'${word}'`;
}
