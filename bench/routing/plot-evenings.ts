/** One group of bars: a size, with one bar per method. */
export interface BarGroup {
  readonly name: string;
  readonly bars: readonly { readonly method: string; readonly value: number; readonly label: string }[];
}

export interface Panel {
  readonly title: string;
  readonly groups: readonly BarGroup[];
}

const COLORS = ['#2f6fb5', '#3f8f6b', '#8a8f98', '#c98b2b', '#7a6fb0'];
const BAR = 14;
const GAP = 22;
const LEFT = 190;
const WIDTH = 900;
const RIGHT = 130;

/** Panels of horizontal bars below each other; each panel has a scale of its own, and every bar says its figure. */
export function plotEvenings(title: string, panels: readonly Panel[]): string {
  const methods = [
    ...new Set(panels.flatMap(({ groups }) => groups.flatMap(({ bars }) => bars.map(({ method }) => method)))),
  ];
  const colorOf = (method: string): string => COLORS[methods.indexOf(method) % COLORS.length] ?? '#888';
  const parts = methods.map(
    (method, at) =>
      `<rect x="${16 + at * 170}" y="40" width="11" height="11" fill="${colorOf(method)}"/>${text(32 + at * 170, 50, method)}`,
  );
  let y = 84;
  for (const panel of panels) {
    parts.push(text(16, y, panel.title, 'start', 12));
    y += 16;
    const most = Math.max(...panel.groups.flatMap(({ bars }) => bars.map(({ value }) => value)), Number.MIN_VALUE);
    for (const { name, bars } of panel.groups) {
      parts.push(text(LEFT - 10, y + (bars.length * BAR) / 2 + 3, name, 'end'));
      for (const { method, value, label } of bars) {
        const width = Math.max(0.8, (Math.max(0, value) / most) * (WIDTH - LEFT - RIGHT));
        parts.push(
          `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${colorOf(method)}"/>`,
          text(LEFT + width + 5, y + 10, label, 'start', 9),
        );
        y += BAR;
      }
      y += GAP / 2;
    }
    y += GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="11" fill="#808080">`,
    `<text x="16" y="24" font-size="14">${title}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function text(x: number, y: number, words: string, anchor = 'start', size = 11): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}">${words}</text>`;
}
