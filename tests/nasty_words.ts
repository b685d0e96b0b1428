/** Words that shells like to take for something else. */
export const NASTY: readonly string[] = [
  "",
  "plain",
  " two  blanks ",
  "it's",
  "''",
  `"double" $HOME \`id\` $(id) \\ \\' !x * ? ~ # & ; | < >`,
  "-n",
  "ünïcode ✓",
  "line\nbreak",
];
