import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import { type Appliance, type Candidate, NO_VERDICT } from '../../steering/ranking/candidate.ts';
import { DEFAULT_POLICY } from '../../steering/ranking/policy-facts.ts';
import type { SessionFacts } from '../../steering/ranking/session-facts.ts';

/** What a ranking takes, for tests; each test changes what it is about. */
export const appliance = (id: string, changes: Partial<Appliance> = {}): Appliance => ({
  id,
  siteId: 'north',
  baseUrl: `http://${id.replaceAll('_', '-')}.example:8080`,
  softwareVersion: '1.0.0',
  lease: { kind: 'current' },
  state: 'serving',
  healthy: true,
  healthReasons: [],
  egressBitsPerSec: 0,
  activeRequests: 0,
  softEgressBitsPerSec: 1e9,
  hardEgressBitsPerSec: 2e9,
  maxActiveRequests: 1000,
  withheld: undefined,
  atHardLimit: false,
  capacityShare: 1,
  ...changes,
});

/** Of an appliance of which nothing special is known, and which holds the title whole. */
export const candidateFor = (member: Appliance, changes: Partial<Candidate> = {}): Candidate => ({
  member,
  held: { kind: 'known', share: 1 },
  pendingBitsPerSec: 0,
  site: { kind: 'embedded', network: undefined, failureDomain: member.siteId },
  quality: NO_VERDICT,
  siteCost: undefined,
  ...changes,
});

/** A session of title `bars` by a client of whom nothing is known. */
export const sessionOf = (sessionId: string, changes: Partial<SessionFacts> = {}): SessionFacts => ({
  sessionId,
  titleId: 'bars',
  unit: unitHash(sessionId),
  siteId: undefined,
  otherSites: [],
  refusingSites: [],
  network: undefined,
  preferredSiteId: undefined,
  nominalBitsPerSec: 0,
  playing: [],
  policy: DEFAULT_POLICY,
  ...changes,
});
