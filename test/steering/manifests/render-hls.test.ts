import { Parser } from 'm3u8-parser';
import { expect, test } from 'vitest';
import { parseContentSteering } from '../../../src/contracts/steering-answer.ts';
import { contentSteering } from '../../../src/steering-body/content-steering.ts';
import { escapePath, renderHls } from '../../../steering/manifests/render-hls.ts';
import { title } from '../samples.ts';

const HLS = title('bars').hls;
if (HLS === undefined) throw new Error('the sample has no HLS');
const PATHWAYS = [
  { id: 'oca-1', baseUrl: 'http://127.0.0.1:8001' },
  { id: 'oca-2', baseUrl: 'https://oca-2.example/base' },
  { id: 'origin', baseUrl: 'http://origin.example:9000' },
];
const FIRST = contentSteering({
  applianceIds: ['oca-1', 'oca-2'],
  reloadUri: 'https://steer.example/v1/steering/hls?a=bars&s=x',
  ttlSec: 30,
  jitter: 0.5,
});
const attributesOf = (line: string): Record<string, string> =>
  Object.fromEntries(
    [...line.matchAll(/([A-Z0-9-]+)=("[^"]*"|[^,]*)/g)].map((match) => [
      match[1] ?? '',
      (match[2] ?? '').replaceAll('"', ''),
    ]),
  );
const tagsOf = (text: string, name: string): Array<Record<string, string>> =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`#${name}:`))
    .map((line) => attributesOf(line.slice(name.length + 2)));

test('G12, CS-9: every variant stands once per pathway, in the same order, with ids, absolute URI and its own audio group', () => {
  const text = renderHls(HLS, PATHWAYS, { serverUri: 'data', first: FIRST });
  const lines = text.split('\n');
  const variants = lines.flatMap((line, index) =>
    line.startsWith('#EXT-X-STREAM-INF:') ? [{ ...attributesOf(line.slice(18)), uri: lines[index + 1] ?? '' }] : [],
  );
  expect(variants.map(({ uri }) => uri)).toEqual(
    PATHWAYS.flatMap(({ baseUrl }) => [`${baseUrl}/vod/bars/v144.m3u8`, `${baseUrl}/vod/bars/v360.m3u8`]),
  );
  for (const [index, variant] of variants.entries()) {
    expect(variant).toMatchObject({
      'PATHWAY-ID': PATHWAYS[Math.floor(index / 2)]?.id,
      'STABLE-VARIANT-ID': index % 2 === 0 ? 'v144' : 'v360',
      AUDIO: `audio-${PATHWAYS[Math.floor(index / 2)]?.id}`,
    });
  }
  const media = tagsOf(text, 'EXT-X-MEDIA');
  expect(media.map((each) => each['GROUP-ID'])).toEqual(PATHWAYS.map(({ id }) => `audio-${id}`));
  expect(media.map((each) => each['URI'])).toEqual(PATHWAYS.map(({ baseUrl }) => `${baseUrl}/vod/bars/a48.m3u8`));
  expect(new Set(media.map((each) => `${each['NAME']} ${each['STABLE-RENDITION-ID']}`))).toEqual(new Set(['Tone a48']));
});

test('G13, G21, CS-9: the one steering tag carries the first answer, and names the pathway where playback begins', () => {
  const text = renderHls(HLS, PATHWAYS, { serverUri: 'data', first: FIRST });
  const [steering, ...more] = tagsOf(text, 'EXT-X-CONTENT-STEERING');
  expect(more).toEqual([]);
  expect(steering?.['PATHWAY-ID']).toBe('oca-1');
  const prefix = 'data:application/vnd.apple.steering-list;base64,';
  expect(steering?.['SERVER-URI']?.startsWith(prefix)).toBe(true);
  const body = JSON.parse(
    Buffer.from(steering?.['SERVER-URI']?.slice(prefix.length) ?? '', 'base64').toString(),
  ) as unknown;
  expect(parseContentSteering(body)).toEqual(FIRST);
});

test('G21: the steering server may be named by URL instead', () => {
  const text = renderHls(HLS, PATHWAYS, { serverUri: { url: FIRST['RELOAD-URI'] }, first: FIRST });
  expect(tagsOf(text, 'EXT-X-CONTENT-STEERING')[0]?.['SERVER-URI']).toBe(FIRST['RELOAD-URI']);
});

test('G12: for one pathway alone there is neither steering nor a pathway id', () => {
  const text = renderHls(HLS, PATHWAYS.slice(0, 1), undefined);
  expect(text).not.toMatch(/PATHWAY-ID|CONTENT-STEERING/);
  expect(text.match(/v144\.m3u8/g)).toHaveLength(1);
});

test('a foreign parser reads what was meant', () => {
  const parser = new Parser();
  parser.push(renderHls(HLS, PATHWAYS, { serverUri: 'data', first: FIRST }));
  parser.end();
  const { playlists, mediaGroups } = parser.manifest;
  expect(playlists?.map(({ attributes }) => [attributes['BANDWIDTH'], attributes['FRAME-RATE']])).toEqual(
    PATHWAYS.flatMap(() => [
      [138_339, 25],
      [324_143, undefined],
    ]),
  );
  expect(Object.keys(mediaGroups?.['AUDIO'] ?? {})).toEqual(['audio-oca-1', 'audio-oca-2', 'audio-origin']);
});

test('nothing in a title can break out of its line or its quotes', () => {
  const media = HLS.media.map((each) => ({ ...each, name: 'Ton"e\n#EXT-X-ENDLIST\u2028', language: 'e"n' }));
  const text = renderHls({ ...HLS, media }, PATHWAYS, undefined);
  expect(text).not.toMatch(/^#EXT-X-ENDLIST/m);
  expect(tagsOf(text, 'EXT-X-MEDIA')[0]).toMatchObject({ LANGUAGE: "e'n" });
});

test('paths keep their own percent signs and lose what no URI may hold', () => {
  expect(escapePath('/a%20b/c"d/ü/e|f/g.m3u8')).toBe('/a%20b/c%22d/%C3%BC/e%7Cf/g.m3u8');
});
