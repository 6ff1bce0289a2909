import { expect, test } from 'vitest';
import { byteClassOf } from '../../../steering/accounting/byte-class.ts';
import type { Candidate } from '../../../steering/ranking/candidate.ts';
import { appliance, candidateFor, sessionOf } from '../ranking-samples.ts';

const near = (
  changes: Parameters<typeof appliance>[1] = {},
  rest: Parameters<typeof candidateFor>[1] = {},
): Candidate => candidateFor(appliance('near', { siteId: 'north', ...changes }), rest);
const session = sessionOf('s', { siteId: 'north' });
const classOf = (candidates: readonly Candidate[], isPlanned = false): string =>
  byteClassOf({ candidates, session }, 'south', 'north', () => isPlanned);
const nothing = { kind: 'nothing', because: 'holds nothing of the title' } as const;

test('bytes from the nearest site are no miss, whatever else is wrong there', () => {
  expect(byteClassOf({ candidates: [near({ healthy: false })], session }, 'north', 'north', () => false)).toBe(
    'nearest',
  );
});

test.each([
  ['health', near({ lease: { kind: 'expired', silentMs: 9000 } })],
  ['health', near({ withheld: 'drained by the operator' })],
  ['health', near({ healthy: false })],
  ['admission', near({ egressBitsPerSec: 9e9 })],
  ['content', near({}, { held: nothing })],
  ['health', near({}, { quality: { qualityClass: 3, probeShare: 0.02, because: 'viewers report stalls' } })],
  ['admission', near()],
])('%s: one obstacle at the nearest appliance', (expected, candidate) => {
  expect(classOf([candidate])).toBe(expected);
});

test('a title that a plan wants there and that has not arrived is a lag of filling', () => {
  expect(classOf([near({}, { held: nothing })], true)).toBe('fill-lag');
});

test('of several appliances the one that came nearest to serving says what to mend', () => {
  expect(classOf([near({ healthy: false }), near({}, { held: nothing })])).toBe('content');
  expect(classOf([near({}, { held: nothing }), near({ egressBitsPerSec: 9e9 })])).toBe('admission');
});

test('a client that nobody can place, and a site without appliances, are matters of routes', () => {
  expect(byteClassOf({ candidates: [], session }, 'south', undefined, () => false)).toBe('route');
  expect(classOf([])).toBe('route');
});

test('an answer that was not ranked for want of time counts as want of room', () => {
  expect(byteClassOf(undefined, 'south', 'north', () => false)).toBe('admission');
});
