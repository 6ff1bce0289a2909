import type { GatedOrigin, OriginFile } from '../../support/gated-origin.ts';
import { patterned } from '../../support/gated-origin.ts';

/** Two blocks, the last of them not whole. */
export const FILM_BYTES = 1024 * 1024 + 12_345;

const SEGMENT = patterned(9000, 2);
const aMinuteAgo = new Date(Date.now() - 60_000).toUTCString();
/** The origin's own Date: both appliances then count an age from the same moment. */
const dated = { date: aMinuteAgo, 'cache-control': 'max-age=86400' };

/** What the origin has: all that the fast path takes, and the nearest that it must not. */
const FILES: Readonly<Record<string, OriginFile>> = {
  '/film.mp4': { bytes: patterned(FILM_BYTES), etag: '"film-1"', headers: dated },
  '/seg-1.m4s': {
    bytes: SEGMENT,
    etag: '"s,1"',
    headers: { ...dated, 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT', 'x-vod': 'é, "a"' },
  },
  '/last-modified.mp4': {
    bytes: SEGMENT.subarray(1),
    headers: { ...dated, 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' },
  },
  '/byte.bin': { bytes: SEGMENT.subarray(0, 1), etag: '"b"', headers: dated },
  '/empty.bin': { bytes: Buffer.alloc(0), etag: '"e"', headers: dated },
  '/tiered.mp4': {
    bytes: SEGMENT.subarray(2),
    etag: '"t"',
    headers: {
      ...dated,
      'cache-status': 'tier;hit;ttl=30',
      'cmsd-dynamic': '"tier";du',
      'cmsd-static': 'ot=v',
      '7': 'x',
    },
  },
  '/negotiated.mp4': {
    bytes: SEGMENT.subarray(3),
    etag: '"n"',
    headers: { ...dated, vary: 'Origin, Accept-Encoding' },
  },
  '/languages.vtt': { bytes: SEGMENT.subarray(4, 900), etag: '"l"', headers: { ...dated, vary: 'accept-language' } },
  '/confirmed.mp4': {
    bytes: SEGMENT.subarray(5, 900),
    etag: '"c"',
    headers: { date: aMinuteAgo, 'cache-control': 'no-cache' },
  },
  '/a/b~c/%C3%A9.mp4': { bytes: SEGMENT.subarray(6), etag: '"p"', headers: dated },
  '/query.mp4?v=1': { bytes: SEGMENT.subarray(7, 5000), etag: '"q1"', headers: dated },
  '/query.mp4?v=2': { bytes: SEGMENT.subarray(8, 5000), etag: '"q2"', headers: dated },
};

export function fillOrigin(origin: GatedOrigin): void {
  for (const [path, file] of Object.entries(FILES)) origin.files.set(path, file);
}

export const PATHS: readonly string[] = Object.keys(FILES);
/** What players ask for most. */
export const USUAL_PATHS = ['/seg-1.m4s', '/last-modified.mp4', '/tiered.mp4', '/negotiated.mp4'];
export const TAGS = ['"film-1"', '"s,1"', '"b"', '"t"', '"n"', '"q1"', '"none"', '""', '"lm-1"'];
