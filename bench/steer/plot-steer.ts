/** One point of a line: how large it was, and how many decisions a second it made. */
export interface Point {
  readonly size: number;
  readonly requestsPerSec: number;
}

export interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
}

const COLORS = ['#2f6fb5', '#c98b2b'];
const WIDTH = 900;
const HEIGHT = 380;
const [LEFT, RIGHT, TOP, BOTTOM] = [80, 60, 70, 60];

/** Decisions per second over size, on a logarithmic axis below, with levels to compare with as dashed lines. */
export function plotGrowth(
  title: string,
  curves: readonly Curve[],
  levels: readonly { readonly name: string; readonly requestsPerSec: number }[],
): string {
  const points = curves.flatMap((curve) => curve.points);
  const most = Math.max(...[...points, ...levels].map(({ requestsPerSec }) => requestsPerSec)) * 1.1;
  const [low, high] = [Math.min(...points.map(({ size }) => size)), Math.max(...points.map(({ size }) => size))];
  const x = (size: number): number =>
    LEFT + ((Math.log(size) - Math.log(low)) / (Math.log(high) - Math.log(low) || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (rate: number): number => HEIGHT - BOTTOM - (rate / most) * (HEIGHT - TOP - BOTTOM);
  const parts = [`<text x="16" y="24" font-size="14">${title}</text>`];
  for (const { name, requestsPerSec } of levels)
    parts.push(
      `<line x1="${LEFT}" y1="${y(requestsPerSec).toFixed(1)}" x2="${WIDTH - RIGHT}" y2="${y(requestsPerSec).toFixed(1)}" stroke="#888" stroke-dasharray="5 4"/>`,
      text(WIDTH - RIGHT, y(requestsPerSec) - 5, `${name}: ${Math.round(requestsPerSec)}/s`, 'end'),
    );
  for (const [index, { name, points: line }] of curves.entries()) {
    const color = COLORS[index % COLORS.length] ?? '#888';
    const path = line
      .map(({ size, requestsPerSec }) => `${x(size).toFixed(1)},${y(requestsPerSec).toFixed(1)}`)
      .join(' ');
    parts.push(
      `<rect x="${LEFT + index * 220}" y="40" width="11" height="11" fill="${color}"/>`,
      text(LEFT + index * 220 + 16, 50, name),
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
    );
    for (const { size, requestsPerSec } of line)
      parts.push(
        `<circle cx="${x(size).toFixed(1)}" cy="${y(requestsPerSec).toFixed(1)}" r="3.5" fill="${color}"/>`,
        text(x(size), y(requestsPerSec) + (index === 0 ? -9 : 18), String(Math.round(requestsPerSec)), 'middle', 9),
        text(x(size), HEIGHT - BOTTOM + 18 + 14 * index, String(size), 'middle', 9),
      );
  }
  parts.push(
    `<line x1="${LEFT}" y1="${HEIGHT - BOTTOM}" x2="${WIDTH - RIGHT}" y2="${HEIGHT - BOTTOM}" stroke="#888"/>`,
    text(LEFT - 8, TOP, '1/s', 'end'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#808080">`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function text(x: number, y: number, words: string, anchor = 'start', size = 11): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}">${words}</text>`;
}
