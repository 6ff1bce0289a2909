import type { Random } from '../../src/world/world.ts';
import type { Wish } from './judge.ts';
import type { Generation, Truth } from './truth.ts';

const MIB = 2 ** 20;

/** Sizes around the edges of blocks, and the ways in which an origin may name what it has. */
export interface PathKind {
  readonly path: string;
  readonly sizes: readonly number[];
  readonly tag: 'strong' | 'weak' | 'date' | 'none';
  readonly cacheControl: string;
  readonly lingersMs: number;
}

export const PATHS: readonly PathKind[] = [
  ...Array.from(
    { length: 8 },
    (_, index): PathKind => ({
      path: `/tiny-${index}`,
      sizes: [3000 * (index + 1), 40_000, 7],
      tag: 'strong',
      cacheControl: 'max-age=40',
      lingersMs: 40_000,
    }),
  ),
  { path: '/one', sizes: [1, 5000], tag: 'strong', cacheControl: 'max-age=20', lingersMs: 20_000 },
  { path: '/small', sizes: [90_000, 100_000], tag: 'strong', cacheControl: 'max-age=4', lingersMs: 4000 },
  { path: '/block', sizes: [MIB, MIB + 1, MIB - 1], tag: 'strong', cacheControl: 'max-age=30', lingersMs: 30_000 },
  { path: '/film', sizes: [3 * MIB, 2 * MIB + 7], tag: 'strong', cacheControl: 'max-age=60', lingersMs: 60_000 },
  { path: '/next', sizes: [2.5 * MIB], tag: 'strong', cacheControl: 'max-age=2', lingersMs: 2000 },
  {
    path: '/stale',
    sizes: [1.5 * MIB, 70_000],
    tag: 'strong',
    cacheControl: 'max-age=2, stale-while-revalidate=5',
    lingersMs: 7000,
  },
  { path: '/weak', sizes: [300_000, 1.2 * MIB], tag: 'weak', cacheControl: 'max-age=5', lingersMs: 5000 },
  { path: '/dated', sizes: [400_000, 2 * MIB], tag: 'date', cacheControl: 'max-age=5', lingersMs: 5000 },
  { path: '/bare', sizes: [200_000, 1.7 * MIB], tag: 'none', cacheControl: 'max-age=5', lingersMs: 5000 },
  { path: '/never', sizes: [50_000], tag: 'strong', cacheControl: 'no-store', lingersMs: 0 },
  { path: '/asked', sizes: [120_000, 1.1 * MIB], tag: 'strong', cacheControl: 'no-cache', lingersMs: 0 },
];

/** What origins of a life without faults have: nothing expires, everything is named. */
export const CALM_PATHS: readonly PathKind[] = [1, 5000, MIB, MIB + 1, 2.5 * MIB, 5 * MIB].map((sizeBytes, index) => ({
  path: `/calm-${index}`,
  sizes: [sizeBytes],
  tag: 'strong',
  cacheControl: 'max-age=86400',
  lingersMs: 86_400_000,
}));

export function pick<T>(random: Random, all: readonly T[]): T {
  const one = all[Math.floor(random.next() * all.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

/** The next request of a viewer. `kind` of path is drawn here, too. */
export function drawWish(random: Random, truth: Truth, paths: readonly PathKind[], mayLeave: boolean): Wish {
  const { path } = pick(random, paths);
  const sizeBytes = truth.current(path).bytes?.length ?? MIB;
  const range = drawRange(random, sizeBytes);
  const known = pick(random, truth.generations(path));
  const headers = { ...(range === undefined ? {} : { range }), ...drawConditions(random, known, range !== undefined) };
  const method = random.next() < 0.05 ? 'HEAD' : 'GET';
  return { method, path, headers, leaves: mayLeave && random.next() < 0.03 };
}

function drawRange(random: Random, sizeBytes: number): string | undefined {
  // A little beyond the end, too.
  const first = Math.floor(random.next() * sizeBytes * 1.02);
  const kind = random.next();
  if (kind < 0.04) return undefined;
  if (kind < 0.3) return `bytes=${first}-${first}`;
  if (kind < 0.75) return `bytes=${first}-${first + Math.floor(random.next() * 30_000)}`;
  if (kind < 0.8) return `bytes=${Math.floor(sizeBytes * 0.9)}-`;
  if (kind < 0.85) return `bytes=-${1 + Math.floor(random.next() * 5000)}`;
  if (kind < 0.9) return `bytes=${first}-${first + Math.floor(random.next() * MIB)}`;
  // Across the edge of a block, which is where two flights meet.
  if (kind < 0.95) return `bytes=${Math.min(MIB - 50, first)}-${MIB + 50}`;
  const second = Math.floor(random.next() * sizeBytes);
  return `bytes=${first}-${first + 200},${second}-${second + 200}`;
}

function drawConditions(random: Random, { etag, lastModified }: Generation, isRanged: boolean): Record<string, string> {
  const kind = random.next();
  if (kind < 0.04) return { 'cache-control': 'no-cache' };
  const validator = etag ?? lastModified;
  if (validator === undefined) return {};
  if (isRanged && kind < 0.14) return { 'if-range': validator };
  if (etag === undefined) return {};
  if (kind < 0.2) return { 'if-none-match': etag };
  return {};
}
