import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cohortOf } from '../../../steering/policy/cohort-of.ts';
import { parsePolicy } from '../../../steering/policy/parse-policy.ts';
import type { Cohort } from '../../../steering/policy/policy.ts';

const cohorts = (...given: object[]): readonly Cohort[] =>
  parsePolicy(
    JSON.stringify({
      version: 1,
      variants: { new: {} },
      cohorts: given.map((cohort) => ({ variant: 'new', ...cohort })),
    }),
  ).cohorts;
const NOWHERE = () => ({ siteId: undefined, network: undefined });
const seatName = (sessionId: string, given: readonly Cohort[]): string | undefined => {
  const seat = cohortOf(sessionId, '192.0.2.1', given, NOWHERE);
  return seat && `${seat.cohort.name}${seat.isControl ? '/control' : ''}`;
};

test('who is in a small share stays in it when it grows, and a session is in one place only', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      (sessionId, share) => {
        const small = seatName(sessionId, cohorts({ name: 'a', salt: 's', share: share / 2 }));
        const large = seatName(sessionId, cohorts({ name: 'a', salt: 's', share }));
        if (small === 'a') expect(large).toBe('a');
        if (small === 'a/control') expect(large).not.toBeUndefined();
      },
    ),
  );
});

test('shares are met, and the control of one is free of the other', () => {
  const two = cohorts({ name: 'a', salt: 's', share: 0.05 }, { name: 'b', salt: 't', share: 0.5 });
  const counts = Map.groupBy(
    Array.from({ length: 20_000 }, (_, index) => seatName(`session-${index}`, two)),
    (name) => name,
  );
  const share = (name: string): number => (counts.get(name)?.length ?? 0) / 20_000;
  expect(share('a')).toBeCloseTo(0.05, 2);
  expect(share('a/control')).toBeCloseTo(0.05, 2);
  expect(share('b')).toBeCloseTo(0.45, 1);
  expect(share('b/control')).toBeCloseTo(0.45, 1);
});

test('a cohort of prefixes, sites or networks takes nobody else', () => {
  const given = cohorts({
    name: 'a',
    salt: 's',
    rollBack: 'never',
    match: { prefixes: ['192.0.2.0/24'], sites: ['north'], networks: ['isp'] },
  });
  const seatAt = (address: string, siteId: string | undefined, network: string | undefined) =>
    cohortOf('x', address, given, () => ({ siteId, network }))?.cohort.name;
  expect(seatAt('192.0.2.7', 'north', 'isp')).toBe('a');
  expect(seatAt('192.0.3.7', 'north', 'isp')).toBeUndefined();
  expect(seatAt('192.0.2.7', 'south', 'isp')).toBeUndefined();
  expect(seatAt('192.0.2.7', undefined, 'isp')).toBeUndefined();
  expect(seatAt('192.0.2.7', 'north', 'other')).toBeUndefined();
});
