import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QueryFields } from '../../../src/http/query-fields.ts';
import { parsePlayerReport } from '../../../src/steering-body/player-report.ts';

const parse = (query: string) => {
  const { pathways, throughputBitsPerSec } = parsePlayerReport(new QueryFields(query));
  return [pathways.join(' '), Object.fromEntries(throughputBitsPerSec)];
};

test.each([
  // hls.js, Shaka and video.js; the specification's quotes
  ['_HLS_pathway=oca1&_HLS_throughput=5432100', 'oca1', { oca1: 5_432_100 }],
  ['_HLS_pathway=%22oca1%22&_HLS_throughput=5432100', 'oca1', { oca1: 5_432_100 }],
  ['_HLS_pathway=oca1&_HLS_throughput=5432100.123', 'oca1', { oca1: 5_432_100.123 }],
  ['_HLS_pathway=oca1&_HLS_throughput=-2147000000', 'oca1', {}],
  ['_HLS_pathway=oca1&_HLS_throughput=', 'oca1', {}],
  ['_HLS_pathway=oca1&_HLS_throughput=NaN', 'oca1', {}],
  // dash.js: a quoted list, a value per pathway, empty where it knows none
  ['_DASH_pathway=%22oca1%2Co2%22&_DASH_throughput=5432000%2C', 'oca1 o2', { oca1: 5_432_000 }],
  ['_DASH_pathway=oca1,o2&_DASH_throughput=1,2', 'oca1 o2', { oca1: 1, o2: 2 }],
  ['_DASH_pathway=%22oca1%22,%22o2%22&_DASH_throughput=%22%22', 'oca1 o2', {}],
  // neither, both, twice, nonsense
  ['', '', {}],
  ['_HLS_throughput=5', '', {}],
  ['_HLS_pathway=a&_HLS_pathway=b', 'b', {}],
  ['_HLS_pathway=a&_DASH_pathway=b', 'b', {}],
  ['_HLS_pathway=%00%01..%2F', '', {}],
  ['_HLS_pathway=a%20b', '', {}],
])('G16: %s is understood', (query, pathways, throughput) => {
  expect(parse(query)).toEqual([pathways, throughput]);
});

test('G16: no query can make it fail, and what comes out is bounded', () => {
  const odd = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', ',', '%', '-1', '1e999', 'a,b,c', 'oca1'));
  fc.assert(
    fc.property(fc.array(odd, { minLength: 4, maxLength: 4 }), ([a = '', b = '', c = '', d = '']) => {
      const query = new URLSearchParams({ _HLS_pathway: a, _HLS_throughput: b, _DASH_pathway: c, _DASH_throughput: d });
      const report = parsePlayerReport(new QueryFields(query.toString()));
      expect(report.pathways.length).toBeLessThanOrEqual(16);
      for (const id of report.pathways) expect(id).toMatch(/^[A-Za-z0-9._-]{1,32}$/);
      for (const rate of report.throughputBitsPerSec.values()) expect(rate).toBeGreaterThan(0);
    }),
    { numRuns: 2000 },
  );
});
