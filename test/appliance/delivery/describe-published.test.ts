import { expect, test } from 'vitest';
import { describePublished } from '../../../appliance/delivery/describe-published.ts';
import type { ObjectDescription } from '../../../appliance/store/object-description.ts';

const NOW_MS = 5_000_000;
const OBJECT: ObjectDescription = {
  key: '/a.mp4',
  sizeBytes: 10,
  etag: '"a"',
  headers: { 'content-type': 'video/mp4', 'cache-control': 'max-age=60' },
  confirmedAtMs: NOW_MS - 10_000,
  initialAgeMs: 3000,
  freshnessMs: 60_000,
  staleIfErrorMs: 0,
};

test('a fresh object is shown until it is stale', () => {
  expect(describePublished(OBJECT, NOW_MS)).toMatchObject({
    key: '/a.mp4',
    sizeBytes: 10,
    etag: '"a"',
    freshUntilMs: NOW_MS - 10_000 + 60_000 - 3000,
  });
});

test('what a manifest names is shown for ever', () => {
  const planned = { ...OBJECT, manifestRoot: 'r', confirmedAtMs: 0 };
  expect(describePublished(planned, NOW_MS)?.freshUntilMs).toBe(Number.POSITIVE_INFINITY);
});

test.each<readonly [string, Partial<ObjectDescription>]>([
  ['is stale', { confirmedAtMs: NOW_MS - 57_000 }],
  ['is stale from the start, by a clock that went back', { initialAgeMs: 61_000, confirmedAtMs: NOW_MS + 100_000 }],
  ['must be confirmed each time', { headers: { 'cache-control': 'no-cache, max-age=60' } }],
  [
    'may be stale while it is confirmed',
    { freshnessMs: 5000, headers: { 'cache-control': 'stale-while-revalidate=60' } },
  ],
  ['stands for several', { sizeBytes: 0, variants: [] }],
  ['is one of several', { key: '/a.mp4 x1', selectedBy: { accept: 'video/mp4' } }],
  ['varies by what it is asked with', { headers: { vary: 'accept-language' } }],
  ['has no bytes', { sizeBytes: 0 }],
  ['has more fields than a head may have', { headers: { 'x-long': 'x'.repeat(7000) } }],
])('an object that %s is not shown', (_what, changes) => {
  expect(describePublished({ ...OBJECT, ...changes }, NOW_MS)).toBeUndefined();
});

test('fields that never choose anything do not make it vary', () => {
  const headers = { ...OBJECT.headers, vary: 'Origin, Accept-Encoding' };
  expect(describePublished({ ...OBJECT, headers }, NOW_MS)).toBeDefined();
});
