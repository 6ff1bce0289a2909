import { expect, test } from 'vitest';
import { childElements, parseXml } from '../../../src/xml/xml-document.ts';
import { prepareDash, renderDash } from '../../../steering/manifests/render-dash.ts';
import { title } from '../samples.ts';

const ORIGIN = 'http://origin.example:9000';
const SAMPLE = title('bars').dash;
if (SAMPLE === undefined) throw new Error('the sample has no DASH');
const PATHWAYS = [
  { id: 'oca-1', baseUrl: 'http://127.0.0.1:8001' },
  { id: 'origin', baseUrl: ORIGIN },
];
const STEERING = { url: 'https://steer.example/v1/steering/dash?a=bars&s=x' };

function render(mpd: string, path = '/vod/bars/manifest.mpd') {
  const text = renderDash(prepareDash({ path, mpd }, ORIGIN), PATHWAYS, STEERING);
  const root = parseXml(text).documentElement;
  if (root === null) throw new Error('no root');
  const baseUrls = childElements(root, 'BaseURL').map((element) => [
    element.getAttribute('serviceLocation'),
    element.textContent,
  ]);
  return { text, root, baseUrls };
}

test('G12: each pathway is a BaseURL with the folder of the MPD, in ranked order', () => {
  expect(render(SAMPLE.mpd).baseUrls).toEqual([
    ['oca-1', 'http://127.0.0.1:8001/vod/bars/'],
    ['origin', 'http://origin.example:9000/vod/bars/'],
  ]);
});

test("the elements stand in the schema's order, and the packager's others are as they were", () => {
  const { text, root } = render(SAMPLE.mpd);
  expect(childElements(root).map(({ localName }) => localName)).toEqual([
    'ProgramInformation',
    'BaseURL',
    'BaseURL',
    'ContentSteering',
    'Period',
  ]);
  expect(text).toContain('<Title>Bars &amp; tone</Title>');
  expect(text).toContain('<BaseURL>v144.mp4</BaseURL>');
});

test('G13: steering begins at the best pathway, after playback has begun', () => {
  const { root } = render(SAMPLE.mpd);
  const [steering] = childElements(root, 'ContentSteering');
  // With a default Shaka knows no other place until steering has answered.
  expect(steering?.hasAttribute('defaultServiceLocation')).toBe(false);
  expect(steering?.getAttribute('queryBeforeStart')).toBe('false');
  expect(steering?.textContent).toBe(STEERING.url);
});

const withBaseUrl = (baseUrl: string): string =>
  SAMPLE.mpd.replace('<Period ', `<BaseURL>${baseUrl}</BaseURL><Period `);

test.each([
  ['media/', '/vod/bars/media/'],
  ['../other/', '/vod/other/'],
  ['/abs/', '/abs/'],
  ['http://origin.example:9000/vod/deep/', '/vod/deep/'],
  ['./', '/vod/bars/'],
])("the packager's own BaseURL %s goes into every pathway", (own, folder) => {
  expect(render(withBaseUrl(own)).baseUrls).toEqual([
    ['oca-1', `http://127.0.0.1:8001${folder}`],
    ['origin', `http://origin.example:9000${folder}`],
  ]);
});

test.each(['https://elsewhere.example/vod/', 'http://origin.example:9000/vod/?token=1'])(
  'an MPD whose BaseURL is %s cannot be steered and stays as it was',
  (own) => {
    const { text, baseUrls } = render(withBaseUrl(own));
    expect(baseUrls).toEqual([[null, own]]);
    expect(text).not.toContain('ContentSteering');
  },
);

test("a packager's own ContentSteering is taken out", () => {
  const mpd = SAMPLE.mpd.replace('<Period ', '<ContentSteering>https://old.example/</ContentSteering><Period ');
  expect(render(mpd).text).not.toContain('old.example');
});

test('a namespace prefix is kept', () => {
  const mpd = '<d:MPD xmlns:d="urn:mpeg:dash:schema:mpd:2011"><d:Period/></d:MPD>';
  const { root } = render(mpd);
  expect(childElements(root).map(({ nodeName, namespaceURI }) => `${nodeName} ${namespaceURI}`)).toEqual(
    ['d:BaseURL', 'd:BaseURL', 'd:ContentSteering', 'd:Period'].map((name) => `${name} urn:mpeg:dash:schema:mpd:2011`),
  );
});

test('for one pathway alone there is no steering', () => {
  const text = renderDash(prepareDash(SAMPLE, ORIGIN), PATHWAYS.slice(0, 1), undefined);
  expect(text).not.toContain('ContentSteering');
  expect(text.match(/serviceLocation/g)).toHaveLength(1);
});
