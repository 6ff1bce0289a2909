import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPlaylist } from '../../../fill-planner/catalog/manifests/read-playlist.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';

const broken = (text: string) =>
  expect(() => readPlaylist(`#EXTM3U\n${text}\n`, 'p.m3u8')).toThrow(expect.objectContaining({ code: 'MEDIA_BROKEN' }));
const namesOfAllObjects = () => [Object.prototype, Object].map((each) => Object.getOwnPropertyNames(each));
const VARIANT = '#EXT-X-STREAM-INF:BANDWIDTH=1000\nv.m3u8';

describe('a playlist from a stranger', () => {
  test.each([
    'TYPE=AUDIO,GROUP-ID="__proto__",NAME="polluted",URI="a.m3u8"',
    'TYPE=AUDIO,GROUP-ID="a",NAME="__proto__",URI="a.m3u8"',
    'TYPE=__proto__,GROUP-ID="polluted",NAME="a",URI="a.m3u8"',
    'TYPE=AUDIO,GROUP-ID="constructor",NAME="polluted",URI="a.m3u8"',
    "TYPE=AUDIO,NAME=polluted,GROUP-ID= '__proto__' ",
    'TYPE=AUDIO,NAME="polluted",GROUP-ID=toString',
  ])('cannot write into the prototype of all objects: %s', (attributes) => {
    const before = namesOfAllObjects();
    broken(`#EXT-X-MEDIA:${attributes}\n${VARIANT}`);
    expect(namesOfAllObjects()).toEqual(before);
  });

  test('cannot put such a name together from variables', () => {
    broken(
      `#EXT-X-DEFINE:NAME="v",VALUE="__pro"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{$v}to__",NAME="polluted"\n${VARIANT}`,
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each([
    ['a tag without end', `#EXT-X-STREAM-INF:${'A'.repeat(3_900_000)}`],
    ['commas', `#EXT-X-MEDIA:${','.repeat(3_900_000)}`],
    ['blanks in a tag', `#EXT-X-MEDIA:${' '.repeat(3_900_000)}x`],
    ['thousands of long tags', `#EXT-X-KEY:${'A'.repeat(4000)}\n`.repeat(900)],
    [
      'a hundred thousand names',
      Array.from({ length: 60_000 }, (_, i) => `#EXT-X-MEDIA:TYPE=AUDIO,NAME="${i}"`).join('\n'),
    ],
  ])('cannot keep the planner busy for hours with %s', (_, text) => {
    broken(`${VARIANT}\n${text}`);
  });

  test('may be blank for megabytes', () => {
    expect(readPlaylist(`#EXTM3U\n${VARIANT}\n${'\n'.repeat(3_900_000)}`, 'p.m3u8').kind).toBe('multivariant');
  });

  test('may have ten thousand tags as long as real ones', () => {
    const segment = `#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:00.000Z\n#EXTINF:4.0,${'t'.repeat(80)}\na.m4s\n`;
    expect(readPlaylist(`#EXTM3U\n${segment.repeat(10_000)}#EXT-X-ENDLIST\n`, 'p.m3u8').kind).toBe('media');
  });

  test('may have a variant without attributes, or before its tag, and is broken', () => {
    broken('#EXT-X-STREAM-INF:\nv.m3u8');
    broken('v.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1');
  });

  test('is read or broken, never a bug', () => {
    const tags = [
      '#EXT-X-STREAM-INF:',
      '#EXT-X-MEDIA:',
      '#EXT-X-I-FRAME-STREAM-INF:',
      '#EXT-X-MAP:',
      '#EXT-X-BYTERANGE:',
      '#EXTINF:',
      '#EXT-X-KEY:',
      '#EXT-X-DATERANGE:',
      '#EXT-X-PART:',
      '#EXT-X-SKIP:',
      '#EXT-X-ENDLIST',
      '#EXT-X-TARGETDURATION:',
      '#EXT-X-VERSION:',
      '#EXT-X-PROGRAM-DATE-TIME:',
    ];
    const attribute = fc
      .tuple(
        fc.constantFrom('TYPE', 'GROUP-ID', 'NAME', 'URI', 'BANDWIDTH', 'RESOLUTION', 'BYTERANGE', 'CODECS', 'METHOD'),
        fc.constantFrom('AUDIO', '"a"', '1', '-1', '1e400', '1x1', '"5@x"', '""', '', '"a.m3u8"', 'NONE', '0x1'),
      )
      .map(([name, value]) => `${name}=${value}`);
    const line = fc.oneof(
      fc.tuple(fc.constantFrom(...tags), fc.array(attribute, { maxLength: 5 })).map(([tag, list]) => tag + list.join()),
      fc.tuple(fc.constantFrom(...tags), fc.string({ maxLength: 12 })).map(([tag, text]) => tag + text),
      fc.constantFrom('v.m3u8', 'v.mp4', '', '2,', '#EXTINF:2,'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        try {
          readPlaylist(`#EXTM3U\n${lines.join('\n')}\n`, 'p.m3u8');
        } catch (error) {
          if (!isOperational(error, 'MEDIA_BROKEN')) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
