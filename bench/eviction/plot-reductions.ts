/** One bar: how many bytes fewer than LRU are missed, in percent, with the interval it lies in. */
export interface Bar {
  readonly policy: string;
  readonly percent: number;
  readonly interval: readonly [number, number];
}

export interface BarGroup {
  readonly trace: string;
  /** Percent that no policy can exceed. */
  readonly bound: number;
  readonly bars: readonly Bar[];
}

const COLORS = ['#8a8f98', '#c98b2b', '#3f8f6b', '#7a6fb0', '#2f6fb5'];
const BAR = 13;
const GAP = 26;
const LEFT = 150;
const RIGHT = 90;
const TOP = 78;
const WIDTH = 900;
/** What is worse is cut off, and says so by its figure. */
const WORST_PERCENT = -12;

/** Horizontal bars as SVG that reads on light and dark pages: text and lines take a grey that both have room for. */
export function plotReductions(title: string, groups: readonly BarGroup[]): string {
  const best = Math.max(...groups.map(({ bound }) => bound), 5);
  const scale = (WIDTH - LEFT - RIGHT) / (best - WORST_PERCENT);
  const x = (percent: number): number => LEFT + (Math.max(WORST_PERCENT, percent) - WORST_PERCENT) * scale;
  const height = TOP + groups.reduce((sum, { bars }) => sum + bars.length * BAR + GAP, 0) + 24;
  const parts: string[] = [];
  const names = groups[0]?.bars.map(({ policy }) => policy) ?? [];
  for (const [index, name] of names.entries()) {
    const left = LEFT + index * 145;
    parts.push(`<rect x="${left}" y="44" width="11" height="11" fill="${COLORS[index]}"/>`, text(left + 16, 54, name));
  }
  for (let percent = Math.ceil(WORST_PERCENT / 5) * 5; percent <= best; percent += 5) {
    const at = x(percent).toFixed(1);
    const weight = percent === 0 ? 1.4 : 0.4;
    parts.push(
      `<line x1="${at}" y1="${TOP - 8}" x2="${at}" y2="${height - 24}" stroke="#888" stroke-width="${weight}"/>`,
      text(Number(at), height - 8, `${percent} %`, 'middle'),
    );
  }
  let y = TOP;
  for (const { trace, bound, bars } of groups) {
    parts.push(text(LEFT - 10, y + (bars.length * BAR) / 2 + 4, trace, 'end'));
    for (const [index, bar] of bars.entries()) parts.push(...barOf(bar, y + index * BAR, x, COLORS[index] ?? '#888'));
    const edge = x(bound).toFixed(1);
    parts.push(
      `<line x1="${edge}" y1="${y - 3}" x2="${edge}" y2="${y + bars.length * BAR + 1}" stroke="#b5443c" stroke-width="2"/>`,
      text(Number(edge) + 5, y + (bars.length * BAR) / 2 + 4, `bound ${bound.toFixed(1)}`),
    );
    y += bars.length * BAR + GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11" fill="#808080">`,
    `<text x="16" y="24" font-size="14">${title}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function barOf({ percent, interval }: Bar, y: number, x: (percent: number) => number, color: string): string[] {
  const [from, to] = [Math.min(x(0), x(percent)), Math.max(x(0), x(percent))];
  const middle = y + BAR / 2 - 1;
  const [low, high] = interval.map((end) => x(end).toFixed(1));
  const label =
    percent < 0
      ? text(Math.min(from, Number(low)) - 4, y + 10, percent.toFixed(1), 'end', 9)
      : text(Math.max(to, Number(high)) + 4, y + 10, percent.toFixed(1), 'start', 9);
  return [
    `<rect x="${from.toFixed(1)}" y="${y}" width="${Math.max(0.8, to - from).toFixed(1)}" height="${BAR - 2}" fill="${color}"/>`,
    `<line x1="${low}" y1="${middle}" x2="${high}" y2="${middle}" stroke="#808080" stroke-width="1"/>`,
    label,
  ];
}

function text(x: number, y: number, words: string, anchor = 'start', size = 11): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}">${words}</text>`;
}
