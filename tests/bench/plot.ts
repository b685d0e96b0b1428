/** Points of one curve. */
export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** What a plot shows. */
export interface PlotOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
}

const WIDTH = 640;
const HEIGHT = 400;
const MARGIN = { left: 60, right: 130, top: 40, bottom: 50 };
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#000"];

/** Curves as an SVG image, from zero to their maxima. */
export function plot({ title, xLabel, yLabel, curves }: PlotOptions): string {
  const points = curves.flatMap((curve) => curve.points);
  const xMax = niceMaximum(points.map(({ x }) => x));
  const yMax = niceMaximum(points.map(({ y }) => y));
  const inner = {
    width: WIDTH - MARGIN.left - MARGIN.right,
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
  };
  const left = (x: number) => MARGIN.left + x / xMax * inner.width;
  const top = (y: number) => MARGIN.top + (1 - y / yMax) * inner.height;
  const bottom = top(0);
  const lines: string[] = [
    text(WIDTH / 2, 20, title, "middle"),
    text(MARGIN.left + inner.width / 2, HEIGHT - 10, xLabel, "middle"),
    text(MARGIN.left, MARGIN.top - 8, yLabel, "middle"),
  ];
  for (let i = 0; i <= 4; i++) {
    const [x, y] = [xMax * i / 4, yMax * i / 4];
    lines.push(
      `<path d="M${left(0)} ${top(y)}H${left(xMax)}" stroke="#ddd"/>`,
      text(left(0) - 6, top(y) + 4, String(y), "end"),
      text(left(x), bottom + 18, String(x), "middle"),
    );
  }
  for (const [i, { name, points }] of curves.entries()) {
    const colour = COLOURS[i % COLOURS.length];
    const way = points.map(({ x, y }) => `${left(x)} ${top(y)}`).join("L");
    const last = points.at(-1);
    lines.push(`<path d="M${way}" fill="none" stroke="${colour}"/>`);
    if (last) {
      const legend = MARGIN.top + 18 * i;
      lines.push(text(left(xMax) + 10, legend, name, "start", colour));
    }
    for (const { x, y } of points) {
      lines.push(
        `<circle cx="${left(x)}" cy="${top(y)}" r="3" fill="${colour}"/>`,
      );
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${lines.join("\n")}
</svg>
`;
}

/** The next of 1, 2, 4, 6 and 10 times a power of ten: a quarter of it has few digits. */
function niceMaximum(values: readonly number[]): number {
  const largest = Math.max(...values, 1e-9);
  const power = 10 ** Math.floor(Math.log10(largest));
  return power *
    ([1, 2, 4, 6, 10].find((step) => step * power >= largest) ?? 10);
}

function text(
  x: number,
  y: number,
  content: string,
  anchor: string,
  colour = "#000",
): string {
  const escaped = content.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}">${escaped}</text>`;
}
