import { expect, test } from 'vitest';
import { ContractError } from '../../../src/contracts/contract.ts';
import { parseDemandSample } from '../../../src/contracts/demand-sample.ts';

const entry = { path: '/t/v1.mp4', requests: 1, servedBytes: 1000, missedBytes: 10 };
const sample = {
  version: 1,
  sampleId: '7b0a6f6a-1f0e-4c9e-9d1c-2f1d3c4b5a69',
  applianceId: 'a1',
  siteId: 's1',
  hourStartMs: Date.UTC(2030, 0, 20, 3),
  entries: [entry],
};

const NO_COUNTS: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  -0.5,
  0.5,
  Number.MAX_SAFE_INTEGER + 1,
  1e300,
  null,
  '7',
];

test.each(['requests', 'servedBytes', 'missedBytes'])('%s that are no count make the whole sample void', (member) => {
  for (const value of NO_COUNTS)
    expect(
      () => parseDemandSample({ ...sample, entries: [entry, { ...entry, [member]: value }] }),
      String(value),
    ).toThrow(ContractError);
  // As it may come over the wire: JSON knows no NaN, but numbers larger than any double.
  const wire = JSON.stringify(sample).replace(`"${member}":${entry[member as 'requests']}`, `"${member}":1e999`);
  expect(() => parseDemandSample(JSON.parse(wire))).toThrow(ContractError);
});

test.each([Number.NaN, -3_600_000, 1, 1e300, '0'])('an hour of %s makes a sample void', (hourStartMs) => {
  expect(() => parseDemandSample({ ...sample, hourStartMs })).toThrow(ContractError);
});

test('a sample of more entries than the contract takes is void, one of as many is good', () => {
  const entries = Array.from({ length: 10_000 }, () => entry);
  expect(parseDemandSample({ ...sample, entries }).entries).toHaveLength(10_000);
  expect(() => parseDemandSample({ ...sample, entries: [...entries, entry] })).toThrow(ContractError);
});
