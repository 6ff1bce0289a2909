/** Lines over a common axis. Points in the order of x; y from 0. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface Plot {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly lines: readonly Line[];
}

const COLORS = ['#8a8f98', '#c98b2b', '#3f8f6b', '#2f6fb5'];
/** The same in every plot. */
const OURS = { name: 'this model', color: '#b5443c' };
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [860, 360, 64, 24, 64, 48];
const TICKS = 5;

/** One SVG, readable on light and dark pages. */
export function plotLines({ title, xName, yName, lines }: Plot): string {
  const all = lines.flatMap(({ points }) => points);
  const xs = all.map(([x]) => x);
  const [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)];
  const yHigh = niceAbove(Math.max(...all.map(([, y]) => y), 0.1));
  const xOf = (x: number): number => LEFT + ((x - xLow) / Math.max(1e-9, xHigh - xLow)) * (WIDTH - LEFT - RIGHT);
  const yOf = (y: number): number => HEIGHT - BOTTOM - (y / yHigh) * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [];
  for (let tick = 0; tick <= TICKS; tick++) {
    const y = (yHigh * tick) / TICKS;
    const x = xLow + ((xHigh - xLow) * tick) / TICKS;
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${yOf(y)}" y2="${yOf(y)}" stroke="#888" stroke-width="0.4"/>`,
      text(LEFT - 8, yOf(y) + 4, y.toFixed(2), 'end'),
      text(xOf(x), HEIGHT - BOTTOM + 18, xHigh > 2 ? x.toFixed(0) : x.toFixed(2), 'middle'),
    );
  }
  for (const [index, { name, points }] of lines.entries()) {
    const color = name === OURS.name ? OURS.color : COLORS[index % COLORS.length];
    const path = points.map(([x, y]) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(' ');
    parts.push(
      `<rect x="${LEFT + index * 150}" y="38" width="11" height="11" fill="${color}"/>`,
      text(LEFT + 16 + index * 150, 48, name),
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
    );
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#808080">`,
    `<text x="16" y="22" font-size="15">${title}</text>`,
    ...parts,
    text((LEFT + WIDTH) / 2, HEIGHT - 8, xName, 'middle'),
    `<text transform="translate(16 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${yName}</text>`,
    '</svg>',
  ].join('\n');
}

const niceAbove = (value: number): number => Math.ceil(value * 10) / 10;

function text(x: number, y: number, words: string, anchor = 'start'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
}
