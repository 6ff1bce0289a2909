import { expect, test } from 'vitest';
import type { Appliance, Candidate } from '../../../steering/ranking/candidate.ts';
import { DEFAULT_POLICY, type PolicyFacts } from '../../../steering/ranking/policy-facts.ts';
import { rankAppliances } from '../../../steering/ranking/rank-appliances.ts';
import type { SessionFacts } from '../../../steering/ranking/session-facts.ts';
import { candidateFor, appliance as sample, sessionOf } from '../ranking-samples.ts';

type Changes = Partial<Appliance> & Partial<Candidate>;
const FACTS = new Set(Object.keys(candidateFor(sample('a'))));
/** An appliance, with what is known of it in the same breath. */
function appliance(id: string, changes: Changes = {}): Candidate {
  const entries = Object.entries(changes);
  const facts = Object.fromEntries(entries.filter(([name]) => FACTS.has(name)));
  return candidateFor(sample(id, Object.fromEntries(entries.filter(([name]) => !FACTS.has(name)))), facts);
}

const session = (sessionId: string, siteId?: string, changes: Partial<SessionFacts> = {}) =>
  sessionOf(sessionId, { siteId, ...changes });
const firstOf = (fleet: readonly Candidate[], sessionId: string): string | undefined =>
  rankAppliances(fleet, session(sessionId, 'north')).ranked[0]?.candidate.member.id;

test.each([
  ['silent', { lease: { kind: 'expired', silentMs: 6500 } }, 'lease-expired', 'no heartbeat for 6.5 s'],
  ['draining', { state: 'draining' }, 'not-serving', 'is draining'],
  ['starting', { state: 'starting' }, 'not-serving', 'is starting'],
  ['sick', { healthy: false, healthReasons: ['volume 2 is offline'] }, 'unhealthy', 'unhealthy: volume 2 is offline'],
  ['at its egress limit', { egressBitsPerSec: 2e9 }, 'full', 'at its hard limit: 2000.0 of 2000.0 Mbit/s'],
  ['at its request limit', { activeRequests: 1000 }, 'full', 'at its hard limit: 1000 of 1000 requests in hand'],
  [
    'without the title',
    { held: { kind: 'nothing', because: 'holds nothing of the title' } },
    'lacks-title',
    'holds nothing of the title',
  ],
] satisfies Array<[string, Changes, string, string]>)(
  'an appliance that is %s is excluded with its reason',
  (_what, changes, code, reason) => {
    const { ranked, excluded } = rankAppliances([appliance('a', changes)], session('s'));
    expect(ranked).toEqual([]);
    expect(excluded.map((one) => one.toJSON())).toEqual([{ id: 'a', code, reason }]);
  },
);

test('sessions spread over equal appliances by their capacity', () => {
  const fleet = [
    appliance('a'),
    appliance('b'),
    appliance('c', { softEgressBitsPerSec: 2e9, hardEgressBitsPerSec: 4e9 }),
  ];
  const counts = new Map<string, number>();
  for (let index = 0; index < 4000; index += 1) {
    const first = firstOf(fleet, `session-${index}`) ?? '';
    counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  expect(counts.get('a')).toBeGreaterThan(850);
  expect(counts.get('a')).toBeLessThan(1150);
  expect(counts.get('c')).toBeGreaterThan(1850);
  expect(counts.get('c')).toBeLessThan(2150);
});

test('where nobody holds the whole title, its sessions meet at one appliance', () => {
  const fleet = ['a', 'b', 'c'].map((id) => appliance(id, { held: { kind: 'known', share: 0.3 } }));
  const firsts = new Set(Array.from({ length: 200 }, (_, index) => firstOf(fleet, `session-${index}`)));
  expect(firsts.size).toBe(1);
});

test('an appliance that holds more of the title goes first', () => {
  const fleet = [
    appliance('part', { held: { kind: 'known', share: 0.5 } }),
    appliance('whole'),
    appliance('unknown', { held: { kind: 'unknown', because: 'its list is not here' } }),
  ];
  const { ranked } = rankAppliances(fleet, session('s', 'north'));
  expect(ranked.map(({ candidate }) => candidate.member.id)).toEqual(['whole', 'part', 'unknown']);
});

test('between soft and hard limit sessions leave by degrees, and always the same ones', () => {
  const share = (egressBitsPerSec: number): Set<string> => {
    // The other is not idle, so that nobody leaves for being above the mean of both.
    const fleet = [appliance('busy', { egressBitsPerSec }), appliance('idle', { egressBitsPerSec: 0.95e9 })];
    const sessionIds = Array.from({ length: 2000 }, (_, index) => `session-${index}`);
    return new Set(sessionIds.filter((sessionId) => firstOf(fleet, sessionId) === 'busy'));
  };
  const [calm, half, most] = [share(1e9), share(1.5e9), share(1.9e9)];
  expect(calm.size / 2000).toBeCloseTo(0.5, 1);
  expect(half.size / calm.size).toBeCloseTo(0.5, 1);
  expect(most.size / calm.size).toBeCloseTo(0.1, 1);
  expect([...most].every((sessionId) => half.has(sessionId))).toBe(true);
  expect([...half].every((sessionId) => calm.has(sessionId))).toBe(true);
});

test("an overloaded appliance of the client's site still goes before an idle one elsewhere", () => {
  const fleet = [appliance('here', { egressBitsPerSec: 1.9e9 }), appliance('there', { siteId: 'south' })];
  for (let index = 0; index < 50; index += 1) expect(firstOf(fleet, `session-${index}`)).toBe('here');
});

const withSoftware = (rule: 'prefer' | 'require' | 'avoid', version: string): PolicyFacts => ({
  ...DEFAULT_POLICY,
  variant: 'canary',
  spreadFailureDomains: false,
  software: { rule, version },
});
const mixedFleet = [
  ...['a', 'b', 'c'].map((id) => appliance(id, { softwareVersion: '1.0.0' })),
  appliance('new', { softwareVersion: '1.1.0' }),
  appliance('new-elsewhere', { softwareVersion: '1.1.0', siteId: 'south' }),
];
const rankedWith = (policy: PolicyFacts, fleet = mixedFleet) => {
  const { ranked, excluded } = rankAppliances(fleet, session('s', 'north', { policy }));
  return { ids: ranked.map(({ candidate }) => candidate.member.id), excluded };
};

test('a preferred software version comes first within the site, an avoided one last within it', () => {
  const preferred = rankedWith(withSoftware('prefer', '1.1.0'));
  expect(preferred.ids[0]).toBe('new');
  expect(preferred.ids.at(-1)).toBe('new-elsewhere');
  const avoided = rankedWith(withSoftware('avoid', '1.1.0'));
  expect(avoided.ids.slice(3)).toEqual(['new', 'new-elsewhere']);
});

test('a required software version leaves the others out, until none of it can serve', () => {
  const required = rankedWith(withSoftware('require', '1.1.0'));
  expect(required.ids).toEqual(['new', 'new-elsewhere']);
  expect(required.excluded.map((one) => one.toJSON())).toContainEqual({
    id: 'a',
    code: 'other-software',
    reason: 'software 1.0.0: policy canary requires 1.1.0',
  });
  expect(rankedWith(withSoftware('require', '2.0.0')).ids).toHaveLength(5);
});

test('the slope of a policy says how many sessions an appliance above its soft limit gives away', () => {
  const loaded = [appliance('a', { egressBitsPerSec: 1.5e9 }), appliance('b')];
  const yielding = (yieldSlope: number): number =>
    Array.from({ length: 400 }, (_, index) => `s${index}`).filter((sessionId) => {
      const policy = { ...DEFAULT_POLICY, yieldSlope };
      const { ranked } = rankAppliances(loaded, session(sessionId, 'north', { policy }));
      return ranked.some(({ candidate, score }) => candidate.member.id === 'a' && score.yields);
    }).length;
  expect(yielding(0)).toBe(0);
  expect(yielding(1)).toBeGreaterThan(150);
  expect(yielding(1)).toBeLessThan(250);
  expect(yielding(2)).toBe(400);
});

const OF_ISP_A = { kind: 'embedded', network: 'isp-a', failureDomain: 'north' } as const;

test('an embedded site serves the viewers of its network and those that are announced to it, and nobody else', () => {
  const fleet = [appliance('a', { site: OF_ISP_A })];
  const codeFor = (changes: Partial<SessionFacts>): string | undefined =>
    rankAppliances(fleet, sessionOf('s', changes)).excluded[0]?.code;
  expect(codeFor({ network: 'isp-b' })).toBe('other-network');
  expect(codeFor({ network: undefined })).toBe('other-network');
  expect(codeFor({ network: 'isp-a' })).toBeUndefined();
  expect(codeFor({ siteId: 'north' })).toBeUndefined();
  expect(codeFor({ otherSites: ['north'] })).toBeUndefined();
  expect(codeFor({ network: 'isp-a', refusingSites: ['north'] })).toBe('refused');
});

test('nobody new comes where there is no room by the nominal bitrate, and who plays there stays', () => {
  const fleet = [appliance('a', { egressBitsPerSec: 1.99e9, pendingBitsPerSec: 5e6 })];
  const asked = (changes: Partial<SessionFacts>) =>
    rankAppliances(fleet, session('s', 'north', { nominalBitsPerSec: 6e6, ...changes }));
  expect(asked({}).excluded[0]?.reason).toBe(
    'no room for 6.0 Mbit/s more: 1990.0, and 5.0 just placed there, of 2000.0 Mbit/s',
  );
  expect(asked({ nominalBitsPerSec: 4e6 }).ranked).toHaveLength(1);
  expect(asked({ playing: ['a'] }).ranked).toHaveLength(1);
});

test('a demoted appliance is tried by few and is the last resort of the others', () => {
  const quality = { qualityClass: 0, probeShare: 0.1, because: 'stalls' } as const;
  const fleet = [appliance('bad', { quality }), appliance('far', { siteId: 'south' })];
  const ids = Array.from({ length: 1000 }, (_, index) => `session-${index}`);
  const tries = ids.filter((id) => firstOf(fleet, id) === 'bad').length;
  expect(tries).toBeGreaterThan(60);
  expect(tries).toBeLessThan(140);
  expect(firstOf(fleet.slice(0, 1), 'session-1')).toBe('bad');
});

test('the site of the flow goes first, until its appliance is demoted or this session leaves it for its load', () => {
  const first = (there: Changes): string | undefined =>
    rankAppliances(
      [appliance('here'), appliance('there', { siteId: 'south', ...there })],
      session('s', 'north', { preferredSiteId: 'south' }),
    ).ranked[0]?.candidate.member.id;
  expect(first({})).toBe('there');
  expect(first({ quality: { qualityClass: 0, probeShare: 0, because: 'errors' } })).toBe('here');
  expect(first({ egressBitsPerSec: 1.9999e9 })).toBe('here');
});

test('doubt puts nobody behind others for the viewers that play from it: to them it answers', () => {
  const doubtful = appliance('a', { lease: { kind: 'doubtful', because: 'silent with many others' } });
  const heard = appliance('b');
  const firstFor = (playing: readonly string[]): string | undefined =>
    rankAppliances([doubtful, heard], sessionOf('s', { playing })).ranked[0]?.id;
  expect(firstFor([])).toBe('b');
  expect(firstFor(['a'])).toBe('a');
});
