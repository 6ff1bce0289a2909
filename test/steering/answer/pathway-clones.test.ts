import { expect, test } from 'vitest';
import { pathwayClones } from '../../../steering/answer/pathway-clones.ts';

const URLS: Readonly<Record<string, string>> = {
  a: 'https://a.isp.example',
  b: 'https://b.isp.example',
  new: 'https://new.isp.example',
  port: 'https://port.isp.example:8443',
  scheme: 'http://scheme.isp.example',
  folder: 'https://folder.isp.example/media',
  ip4: 'https://192.0.2.7',
  number: 'https://3221225991',
  ip6: 'https://[2001:db8::1]',
  upper: 'https://Upper.ISP.example',
  origin: 'https://origin.example',
};
const clonesOf = (order: string[], declared: string[], urls = URLS, format: 'hls' | 'dash' = 'hls') =>
  pathwayClones(order, declared, (id) => urls[id], format);

test('G8, G9, G10: a newcomer is a clone with a host and empty parameters, and nothing else', () => {
  expect(clonesOf(['new', 'a'], ['a', 'b'])).toEqual([
    { 'BASE-ID': 'a', ID: 'new', 'URI-REPLACEMENT': { HOST: 'new.isp.example', PARAMS: {} } },
  ]);
  expect(clonesOf(['new', 'a'], ['a', 'b'], URLS, 'dash')).toEqual(clonesOf(['new', 'a'], ['a', 'b']));
  expect(clonesOf(['upper'], ['a'])[0]?.['URI-REPLACEMENT'].HOST).toBe('upper.isp.example');
});

test('G7: where the manifest declared all there are none', () => {
  expect(clonesOf(['a', 'b'], ['b', 'a'])).toEqual([]);
});

test.each(['port', 'scheme', 'folder', 'ip4', 'number', 'ip6', 'unknown'])(
  'G9: no clone of an appliance that a host alone cannot name, or that differs in more than its host: %s',
  (id) => {
    expect(clonesOf([id], ['a', 'b'])).toEqual([]);
  },
);

test('G9: a port is no hindrance where the base has the same, but for DASH: dash.js loses it', () => {
  const urls = { ...URLS, a: 'https://a.isp.example:8443' };
  expect(clonesOf(['port'], ['a'], urls, 'dash')).toEqual([]);
  expect(clonesOf(['port'], ['a'], urls)).toMatchObject([{ 'BASE-ID': 'a' }]);
});

test('G11: the base is a declared pathway whose place is known, the origin if no other is', () => {
  expect(clonesOf(['new'], ['gone', 'b'])).toMatchObject([{ 'BASE-ID': 'b', ID: 'new' }]);
  expect(clonesOf(['new'], [])).toMatchObject([{ 'BASE-ID': 'origin', ID: 'new' }]);
  expect(clonesOf(['new', 'folder'], ['gone'])).toMatchObject([{ 'BASE-ID': 'origin', ID: 'new' }]);
});

test('G6: whichever base it has, the URL that comes out is the same', () => {
  const urlBy = (declared: string[]): string => {
    const [clone] = clonesOf(['new'], declared);
    const url = new URL(URLS[clone?.['BASE-ID'] ?? ''] ?? '');
    url.hostname = clone?.['URI-REPLACEMENT'].HOST ?? '';
    return url.href;
  };
  expect(new Set([urlBy(['a']), urlBy(['b']), urlBy(['b', 'a']), urlBy([])])).toEqual(
    new Set(['https://new.isp.example/']),
  );
});
