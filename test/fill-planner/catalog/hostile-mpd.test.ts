import { describe, expect, test } from 'vitest';
import { readMpd } from '../../../fill-planner/catalog/manifests/read-mpd.ts';

const read = (text: string) => () => readMpd(text, 'http://title.invalid/t/manifest.mpd', 'manifest.mpd');
const broken = (text: string, why: string) =>
  expect(read(text)).toThrow(
    expect.objectContaining({ code: 'MEDIA_BROKEN', detail: expect.stringContaining(why) as string }),
  );
const mpd = (periods: string) => `<MPD mediaPresentationDuration="PT190000S">${periods}</MPD>`;
const TEMPLATE = '<SegmentTemplate media="$RepresentationID$/$Number$.m4s" duration="1"/>';

describe('an MPD from a stranger', () => {
  test('names no more segments by its templates than a title may have', () => {
    const set = Array.from({ length: 40_000 }, (_, index) => `<Representation id="${index}"/>`).join('');
    broken(mpd(`<Period>${TEMPLATE}<AdaptationSet>${set}</AdaptationSet></Period>`), 'more than 500000 segments');
  });

  test('may have thousands of periods of one encoding', () => {
    const period = `<Period duration="PT2S">${TEMPLATE}<AdaptationSet><Representation id="a"/></AdaptationSet></Period>`;
    expect(read(mpd(period.repeat(5000)))().representations).toMatchObject([{ parts: { length: 10_000 } }]);
  });

  test.each([
    ['of its own', '<a>'],
    ['with namespaces, each of which the parser copies', '<a xmlns:b="u">'],
    ['with quoted brackets', '<a b=">" c=\'/>\'>'],
    ['behind comments that close them', '<!-- </a> --><a>'],
  ])('is not nested without end: elements %s', (_, element) => {
    broken(mpd(element.repeat(150_000)), 'nested deeper');
  });

  test.each(['<!--', '<![CDATA[', '<?', '<a "', "<a '", '<'])('does not begin again and again: %s', (opening) => {
    broken(mpd(opening.repeat(300_000)), 'is not XML');
  });
});
