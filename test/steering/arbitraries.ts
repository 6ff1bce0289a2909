import fc from 'fast-check';
import {
  type Candidate,
  type Held,
  type Lease,
  NO_VERDICT,
  type QualityVerdict,
} from '../../steering/ranking/candidate.ts';
import type { PolicyFacts } from '../../steering/ranking/policy-facts.ts';
import type { SessionFacts } from '../../steering/ranking/session-facts.ts';
import { appliance, candidateFor, sessionOf } from './ranking-samples.ts';

/** Random fleets, sessions and addresses for the property tests. */
const siteIds = fc.constantFrom('north' as const, 'south' as const, 'west' as const);

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

const verdicts: fc.Arbitrary<QualityVerdict> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(NO_VERDICT) },
  {
    weight: 1,
    arbitrary: fc.record({
      qualityClass: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
      probeShare: fc.constantFrom(0, 0.1, 1),
      because: fc.constant('stalls'),
    }),
  },
);

/** Of a site everything is the same for all its appliances. */
const sites = fc.record({
  kind: fc.constantFrom('embedded' as const, 'embedded' as const, 'peering' as const, 'transit' as const),
  network: fc.constantFrom(undefined, undefined, 'isp-a', 'isp-b'),
  failureDomain: fc.constantFrom('room-1', 'room-2', 'room-3', 'room-4'),
  siteCost: fc.constantFrom(undefined, 1, 2, 5),
});

const candidate = fc.record({
  siteId: siteIds,
  softwareVersion: fc.constantFrom('1.0.0', '1.1.0'),
  lease: leases,
  state: fc.constantFrom('serving', 'serving', 'serving', 'serving', 'starting', 'draining', 'drained'),
  healthy: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  load: fc.double({ min: 0, max: 2.2, noNaN: true }),
  pending: fc.constantFrom(0, 0, 0.1, 0.5),
  capacityShare: fc.constantFrom(1, 1, 1, 0.1, 0.5),
  requests: fc.nat(120),
  held: holdings,
  quality: verdicts,
});

/** Appliances with unique ids, in random order. */
const fleetsOf = (size: 'small' | 'medium'): fc.Arbitrary<Candidate[]> =>
  fc
    .tuple(
      fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/), candidate), {
        selector: ([id]) => id,
        maxLength: 24,
        size,
      }),
      fc.record({ north: sites, south: sites, west: sites }),
    )
    .map(([pairs, bySite]) =>
      pairs
        .filter(([id]) => id !== 'origin' && id !== 'origin-retry')
        .map(([id, { load, requests, pending, held, quality, ...rest }]) => {
          const { siteCost, ...site } = bySite[rest.siteId];
          const member = appliance(id, {
            ...rest,
            state: rest.state as Candidate['member']['state'],
            healthReasons: rest.healthy ? [] : ['a disk is gone'],
            egressBitsPerSec: load * 1e9,
            activeRequests: requests,
            maxActiveRequests: 100,
          });
          return candidateFor(member, { held, quality, site, siteCost, pendingBitsPerSec: pending * 1e9 });
        }),
    );

/** Up to ten, and up to 24: more than an answer has places. */
export const fleets = fleetsOf('small');
export const largeFleets = fleetsOf('medium');

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

export const sessions: fc.Arbitrary<SessionFacts> = fc
  .record({
    sessionId: fc.stringMatching(/^[A-Za-z0-9_-]{1,24}$/),
    titleId: fc.constantFrom('bars', 'tone', 'noise'),
    siteId: fc.option(siteIds, { nil: undefined }),
    otherSites: fc.constantFrom([], [], ['south'], ['west', 'south']),
    refusingSites: fc.constantFrom([], [], [], ['west']),
    network: fc.constantFrom(undefined, 'isp-a'),
    preferredSiteId: fc.constantFrom(undefined, undefined, 'north', 'south'),
    policy: policies,
    playing: fc.constantFrom([], [], ['a'], ['b', 'origin']),
  })
  .map(({ sessionId, ...changes }) => sessionOf(sessionId, changes));
