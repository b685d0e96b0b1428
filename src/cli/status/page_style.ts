/** What the status page looks like. */
export const style = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #14171c);
  --card: light-dark(#fff, #1c2027);
  --line: light-dark(#dfe3e8, #2d333d);
  --text: light-dark(#1b1f24, #e6e9ee);
  --soft: light-dark(#5b6570, #9aa4b0);
  --good: light-dark(#18794e, #4cc38a);
  --warn: light-dark(#9a5b00, #f0b456);
  --bad: light-dark(#c4314b, #ff8095);
  --down: light-dark(#2563c9, #7fb0ff);
  --up: light-dark(#8a46b8, #cf9cf2);
  font: 15px/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 62rem; background: var(--back); color: var(--text); }
a { color: var(--down); }
h1 { font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: .8rem; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; color: var(--soft); margin: 2rem 0 .6rem; }
header { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; }
header p { flex-basis: 100%; }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
.state { font-weight: 600; overflow-wrap: anywhere; }
.state::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .45em; border-radius: 50%; background: currentColor; forced-color-adjust: none; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); } .soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.tunnel { padding: .9rem 1rem; display: grid; grid-template-columns: minmax(0, 1fr) 17rem auto; gap: .3rem 1.25rem; align-items: center; }
.tunnel + .tunnel { margin-top: .6rem; }
.route { font-size: 1rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 0 1rem; }
.facts > :not(.state) { white-space: nowrap; }
.note { grid-column: 1 / -1; font-size: .9rem; }
.plot { display: block; width: 100%; height: 2.6rem; }
.plot path { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.down { color: var(--down); } .up { color: var(--up); }
.plot .down { stroke: var(--down); } .plot .up { stroke: var(--up); }
.plot .area { fill: var(--down); fill-opacity: .18; }
.plot line { stroke: var(--line); vector-effect: non-scaling-stroke; }
.rate { font-size: .8rem; color: var(--soft); display: flex; justify-content: space-between; gap: .5rem; white-space: nowrap; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .8rem; min-width: 6.2rem; cursor: pointer; }
button:hover { border-color: var(--soft); }
button:disabled { opacity: .45; cursor: default; }
:focus-visible { outline: 2px solid var(--down); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th { position: sticky; top: 0; background: var(--card); text-align: left; font-weight: 500; color: var(--soft); }
th, td { padding: .4rem 1rem; border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
td:first-child { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
.scroll { max-height: 24rem; overflow: auto; }
.empty { padding: .8rem 1rem; }
ol { list-style: none; margin: 0; padding: .5rem 1rem; font-size: .9rem; }
li { display: flex; gap: 1rem; padding: .15rem 0; }
li time { color: var(--soft); white-space: nowrap; }
li span { overflow-wrap: anywhere; min-width: 0; }
form { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center; margin-top: 1rem; }
label { color: var(--soft); }
input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .6rem; width: 16rem; max-width: 100%; }
[hidden] { display: none !important; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; }
  .tunnel { grid-template-columns: minmax(0, 1fr) auto; align-items: start; }
  .tunnel .graph { grid-column: 1 / -1; grid-row: 2; }
  th, td { padding: .35rem .6rem; }
  .wide { display: none; }
  li { flex-direction: column; gap: 0; }
}
@media (pointer: coarse) { button, input { min-height: 2.75rem; } }
`;
