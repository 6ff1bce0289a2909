import fc from 'fast-check';
import type { Candidate, Held, Lease } from '../../steering/ranking/candidate.ts';
import type { PolicyFacts } from '../../steering/ranking/policy-facts.ts';
import type { SessionFacts } from '../../steering/ranking/score.ts';

/** Random fleets, sessions and addresses for the property tests. */
const siteIds = fc.constantFrom('north', 'south', 'west');

const leases: fc.Arbitrary<Lease> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Lease>({ kind: 'current' }) },
  { weight: 2, arbitrary: fc.constant<Lease>({ kind: 'doubtful', because: 'silent with many others' }) },
  { weight: 1, arbitrary: fc.nat(100_000).map((silentMs): Lease => ({ kind: 'expired', silentMs })) },
);

const holdings: fc.Arbitrary<Held> = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((share): Held => ({ kind: 'known', share })) },
  { weight: 3, arbitrary: fc.constant<Held>({ kind: 'known', share: 1 }) },
  { weight: 1, arbitrary: fc.constant<Held>({ kind: 'nothing', because: 'holds nothing of the title' }) },
  { weight: 1, arbitrary: fc.constant<Held>({ kind: 'unknown', because: 'its list is not here' }) },
);

const candidate = fc
  .record({
    siteId: siteIds,
    softwareVersion: fc.constantFrom('1.0.0', '1.1.0'),
    lease: leases,
    state: fc.constantFrom('serving', 'serving', 'serving', 'serving', 'starting', 'draining', 'drained'),
    healthy: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    load: fc.double({ min: 0, max: 2.2, noNaN: true }),
    requests: fc.nat(120),
    held: holdings,
  })
  .map(
    ({ load, requests, ...rest }): Omit<Candidate, 'id' | 'baseUrl'> => ({
      ...rest,
      state: rest.state as Candidate['state'],
      healthReasons: rest.healthy ? [] : ['a disk is gone'],
      withheld: undefined,
      atHardLimit: false,
      capacityShare: 1,
      pendingBitsPerSec: 0,
      egressBitsPerSec: load * 1e9,
      activeRequests: requests,
      softEgressBitsPerSec: 1e9,
      hardEgressBitsPerSec: 2e9,
      maxActiveRequests: 100,
    }),
  );

/** Up to 24 appliances with unique ids, in random order. */
export const fleets: fc.Arbitrary<Candidate[]> = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/), candidate), {
    selector: ([id]) => id,
    maxLength: 24,
  })
  .map((pairs) =>
    pairs
      .filter(([id]) => id !== 'origin' && id !== 'origin-retry')
      .map(([id, rest]) => ({ ...rest, id, baseUrl: `http://${id.replaceAll('_', '-')}.example:8080` })),
  );

const policies: fc.Arbitrary<PolicyFacts> = fc.record({
  variant: fc.constantFrom('default', 'canary'),
  yieldSlope: fc.constantFrom(1, 0.5, 2),
  spreadFailureDomains: fc.boolean(),
  software: fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    {
      weight: 1,
      arbitrary: fc.record({
        version: fc.constantFrom('1.0.0', '1.1.0', '2.0.0'),
        rule: fc.constantFrom('prefer', 'avoid'),
      }),
    },
  ),
});

export const sessions: fc.Arbitrary<SessionFacts> = fc.record({
  sessionId: fc.stringMatching(/^[A-Za-z0-9_-]{1,24}$/),
  titleId: fc.constantFrom('bars', 'tone', 'noise'),
  siteId: fc.option(siteIds, { nil: undefined }),
  policy: policies,
});
