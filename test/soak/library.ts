import type { Random } from '../../src/world/world.ts';
import { Truth } from '../model/truth.ts';
import { type PathKind, pick } from '../model/wishes.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;

const film = (path: string, sizes: readonly number[]): PathKind => ({
  path,
  sizes,
  tag: 'strong',
  cacheControl: 'max-age=86400',
  lingersMs: 24 * HOUR_MS,
});

/** What everybody asks for, sizes at the edges of blocks among them: fits in memory. */
export const POPULAR: readonly PathKind[] = [
  ...[1, 17, 4096, 65_536, MIB - 1, MIB, MIB + 1, 2 * MIB, 3.5 * MIB].map((size, index) =>
    film(`/popular/${index}.m4s`, [size, size + 1]),
  ),
  film('/popular/film.mp4', [12 * MIB, 11 * MIB + 333]),
];

/** What somebody asks for now and then: more than the disk has room for. */
export const RARE: readonly PathKind[] = Array.from({ length: 220 }, (_, index) =>
  film(`/rare/${index}.m4s`, [(1 + (index % 5)) * MIB, (1 + (index % 5)) * MIB + 7777]),
);

/** What must be asked again, has a weak name or none, or may not be kept: the reference engine's share. */
const ODD: readonly PathKind[] = [
  { path: '/odd/short.m3u8', sizes: [5000, 90_000], tag: 'strong', cacheControl: 'max-age=2', lingersMs: 2000 },
  { path: '/odd/weak.mp4', sizes: [300_000, 1.2 * MIB], tag: 'weak', cacheControl: 'max-age=5', lingersMs: 5000 },
  { path: '/odd/dated.mp4', sizes: [400_000, 2 * MIB], tag: 'date', cacheControl: 'max-age=5', lingersMs: 5000 },
  { path: '/odd/asked.mp4', sizes: [120_000, 1.1 * MIB], tag: 'strong', cacheControl: 'no-cache', lingersMs: 0 },
];

export const ALL: readonly PathKind[] = [...POPULAR, ...RARE, ...ODD];
const FIRST_DATE_MS = Date.UTC(2026, 0, 1);

/** Everything that the origin has, each path in its first generation. */
export function stockLibrary(random: Random): Truth {
  const truth = new Truth();
  for (const kind of ALL) putNext(truth, kind, random);
  return truth;
}

/** Another generation of a path: other bytes, another name, mostly another size. */
export function putNext(truth: Truth, kind: PathKind, random: Random): void {
  const { path, sizes, tag, cacheControl, lingersMs } = kind;
  const number = truth.generations(path).length + 1;
  const name = `"${path.slice(1).replaceAll('/', '-')}-${number}"`;
  truth.replace(path, {
    etag: tag === 'strong' ? name : tag === 'weak' ? `W/${name}` : undefined,
    lastModified: tag === 'date' ? new Date(FIRST_DATE_MS + number * 120_000).toUTCString() : undefined,
    cacheControl,
    lingersMs,
    // While an appliance is away nothing is asked, so nothing stale is owed to a failing origin.
    lingersOnErrorMs: lingersMs,
    content: { start: random.next(), sizeBytes: pick(random, sizes) },
  });
}

/** Mostly what is popular, often what is not, sometimes what is odd. */
export function pickPaths(random: Random): readonly PathKind[] {
  const kind = random.next();
  return kind < 0.62 ? POPULAR : kind < 0.94 ? RARE : ODD;
}
