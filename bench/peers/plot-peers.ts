import { type CaseName, type Figure, medianFigure, type Round } from './figures.ts';
import { PEER_KINDS, type PeerName } from './peer-kinds.ts';

const WIDTH = 900;
const [LEFT, RIGHT, TOP] = [150, 90, 76];
const BAR = 13;
const GAP = 12;
const COLORS: Readonly<Record<PeerName, string>> = {
  fast: '#2f6fb5',
  reference: '#8db4dd',
  'nginx-nopush': '#3f8f4f',
  nginx: '#8cc49a',
  varnish: '#c98b2b',
  trafficserver: '#b5443c',
  prototype: '#999999',
};

interface Group {
  readonly name: string;
  readonly caseName: CaseName;
  readonly figure: Figure;
  readonly unit: string;
  readonly digits: number;
}

const SIZES = ['16k', '64k', '1m', '4m'] as const;

/** What is drawn, from above; in each group the longest bar is the full width. */
const GROUPS: readonly Group[] = [
  ...SIZES.map((size) => groupOf(`${size}: processor`, `cpu-${size}`, 'cpuSecPerGigabyte', 's/GB', 3)),
  ...SIZES.map((size) => groupOf(`${size}: throughput`, `both-${size}`, 'megabytesPerSec', 'MB/s', 0)),
  groupOf('mix: hot requests', 'mix', 'hotPerSec', '1/s', 0),
  groupOf('mix: hot p99', 'mix', 'hotP99Ms', 'ms', 1),
  groupOf('mix: cold bytes', 'mix', 'coldMegabytesPerSec', 'MB/s', 0),
  groupOf('mix: cold p99', 'mix', 'coldP99Ms', 'ms', 0),
  groupOf('idle connection', 'idle', 'bytesPerIdleConnection', 'B', 0),
  groupOf('TLS, 2 MiB: processor', 'tls', 'cpuSecPerGigabyte', 's/GB', 3),
];

/** Bars of every server for what was measured; of one group only its own lengths may be compared. */
export function plotPeers(rounds: readonly Round[], servers: readonly PeerName[]): string {
  const parts: string[] = [];
  const names = [...servers].toSorted((a, b) => Number(b === 'fast') - Number(a === 'fast'));
  for (const [index, name] of names.entries()) {
    const left = 16 + (index % 4) * 200;
    const top = 36 + Math.floor(index / 4) * 16;
    parts.push(
      `<rect x="${left}" y="${top}" width="11" height="11" fill="${COLORS[name]}"/>`,
      text(left + 16, top + 10, PEER_KINDS[name].label),
    );
  }
  let y = TOP;
  for (const { name, caseName, figure, unit, digits } of GROUPS) {
    const bars = names.flatMap((server) => {
      const value = medianFigure(rounds, caseName, server, figure);
      return value === undefined ? [] : [{ server, value: Math.max(0, value) }];
    });
    if (bars.length === 0) continue;
    const most = Math.max(...bars.map(({ value }) => value), 1e-9);
    parts.push(text(LEFT - 10, y + (bars.length * BAR) / 2 + 3, name, 'end'));
    for (const { server, value } of bars) {
      const length = (value / most) * (WIDTH - LEFT - RIGHT);
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${Math.max(0.8, length).toFixed(1)}" height="${BAR - 2}" fill="${COLORS[server]}"/>`,
        text(LEFT + length + 4, y + 9, `${value.toFixed(digits)} ${unit}`, 'start', 9),
      );
      y += BAR;
    }
    y += GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" font-family="sans-serif" font-size="11" fill="#808080">`,
    '<text x="16" y="24" font-size="14">The same bytes by our engines and by others, on the same two cores</text>',
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function groupOf(name: string, caseName: CaseName, figure: Figure, unit: string, digits: number): Group {
  return { name, caseName, figure, unit, digits };
}

function text(x: number, y: number, words: string, anchor = 'start', size = 11): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}">${words}</text>`;
}
