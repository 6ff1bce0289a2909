import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readSegmentIndex } from '../../../deploy/demo/title/segment-index.ts';
import { dashManifest, mediaPlaylist, multivariantPlaylist } from '../../../deploy/demo/title/write-manifests.ts';

const media = fileURLToPath(new URL('../../../deploy/demo/title/media', import.meta.url));
const textOf = (name: string): string => readFileSync(join(media, name), 'utf8');
const indexOf = (name: string) => readSegmentIndex(readFileSync(join(media, `${name}.mp4`)));

const video = [
  { name: 'v144', width: 256, height: 144 },
  { name: 'v240', width: 426, height: 240 },
  { name: 'v360', width: 640, height: 360 },
].map((rung) => ({ ...rung, framesPerSecond: 25, index: indexOf(rung.name) }));
const audio = { name: 'a48', samplesPerSecond: 48_000, index: indexOf('a48') };

describe('the committed title of the demo', () => {
  test('lasts over a minute in every rendition and is small enough for a clone', () => {
    for (const { index } of [...video, audio]) {
      expect(index.durationSeconds).toBeCloseTo(62, 3);
      expect(index.segments).toHaveLength(31);
    }
    const bytes = readdirSync(media).reduce((sum, name) => sum + statSync(join(media, name)).size, 0);
    expect(bytes).toBeLessThan(6_000_000);
  });

  test('has segments of the same two seconds on every rung, so that a player can change between any two', () => {
    for (const { index } of video) {
      expect(index.segments.map(({ durationSeconds }) => durationSeconds)).toEqual(Array.from({ length: 31 }, () => 2));
    }
  });

  test('has playlists and a manifest that say what the files themselves say', () => {
    for (const { name, index } of [...video, audio]) expect(textOf(`${name}.m3u8`)).toBe(mediaPlaylist(name, index));
    expect(textOf('master.m3u8')).toBe(multivariantPlaylist({ video, audio }));
    expect(textOf('manifest.mpd')).toBe(dashManifest({ video, audio }));
  });

  test('names its files by relative URIs only', () => {
    for (const name of readdirSync(media).filter((file) => !file.endsWith('.mp4'))) {
      const uris = [...textOf(name).matchAll(/(?:URI="|<BaseURL>|^(?!#|<|\s))([^"<\n]+)/gm)].map(
        (match) => match[1] ?? '',
      );
      expect(uris.length, name).toBeGreaterThan(0);
      for (const uri of uris) expect(uri, name).toMatch(/^[va]\d+\.(?:mp4|m3u8)$/);
    }
  });
});

test('a segment index that does not cover its file is refused', () => {
  const whole = readFileSync(join(media, 'v144.mp4'));
  const { segments } = readSegmentIndex(whole);
  const shortened = whole.subarray(0, segments.at(-1)?.start);
  expect(() => readSegmentIndex(shortened)).toThrow(/sidx covers/);
});
