import { describe, expect, test } from 'vitest';
import { describeDiffs } from '../../../../src/cli/plan/describe-diff.ts';
import { describeExplanation, formatDuration } from '../../../../src/cli/plan/describe-explanation.ts';
import { describeRollout } from '../../../../src/cli/plan/describe-rollout.ts';
import { describeSimulation } from '../../../../src/cli/plan/describe-simulation.ts';
import { parseBitRate, parseWindow } from '../../../../src/cli/plan/parse-change.ts';
import type { Explanation, PlanDiffs, Rollout, Simulation } from '../../../../src/cli/plan/plan-answers.ts';

const NOW_MS = Date.UTC(2030, 0, 20, 14);

const copy = {
  applianceId: 'a1',
  planVersion: 7,
  isMaster: true,
  expectedBytes: 9e8,
  sources: [
    { kind: 'tier' as const, id: 'b1', baseUrl: 'http://b1.example', afterSec: 0 },
    { kind: 'origin' as const, id: 'origin', baseUrl: 'http://o.example', afterSec: 0, afterSilenceSec: 600 },
  ],
  place: 12,
  placeCount: 240,
  state: 'on-its-way' as const,
  expectedAtMs: NOW_MS + 3_600_000,
};
const held = {
  clusterId: 'c1',
  siteId: 's1',
  region: 'de',
  part: 'whole' as const,
  expectedBytes: 1.8e9,
  peakBitsPerSec: 12e6,
  rank: 12,
  itemCount: 240,
  why: 'fetching it saves 4 times what it costs, 2 times if things go badly; 0.4 times its size is expected to be watched per day',
  copies: [copy],
};
const nowhere = { ...held, clusterId: 'c2', part: 'nothing' as const, rank: undefined, why: 'no room', copies: [] };
const explanation: Explanation = {
  subject: { kind: 'file', name: '/t1/v1.mp4' },
  nowMs: NOW_MS,
  renditions: [
    {
      renditionId: 't1/v1',
      titleId: 't1',
      sizeBytes: 4.69e9,
      headBytes: 1.2e6,
      bitsPerSec: 6.2e6,
      durationSec: 6060,
      clusters: [held, nowhere],
    },
  ],
  published: { c1: { kind: 'keep', because: 'held: drops 40.0 % of what the cluster holds' } },
  furtherClusters: 3,
};

describe('an explanation', () => {
  test('says why here and why not there, from whom, when, and what the gate said, within the width', () => {
    const text = describeExplanation(explanation, 80);
    expect(text).toContain('file /t1/v1.mp4\nis part of rendition t1/v1 of title t1: 4.69 GB, 1 h 41 min at');
    expect(text).toContain('cluster c1 (site s1, region de): held, rank 12 of 240\n');
    expect(text).toContain('  gate      plan before kept: held: drops 40.0 %');
    expect(text).toContain('on its way, there by 2030-01-20 15:00Z at best');
    expect(text.replaceAll(/\n +/g, ' ')).toContain('from tier b1, then the origin after 10 min of silence');
    expect(text).toContain('cluster c2 (site s1, region de): NOT HELD\n  why       no room\n');
    expect(text).toContain('3 further clusters');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('of a title is one line per rendition and cluster, what is not there yet in brackets', () => {
    const text = describeExplanation({ ...explanation, subject: { kind: 'title', name: 't1' } }, 100);
    expect(text).toMatch(/^v1 +4\.69 GB +c1 +whole +12\/240 +1\.80 GB +\(a1\)$/m);
    expect(text).toMatch(/^ +c2 +nothing +- +1\.80 GB +-$/m);
    expect(text).toContain("\nnot held at c2: no room\nTo hold it all the same: 'oca calendar pin --help'\n");
  });
});

describe('a difference', () => {
  const diffs: PlanDiffs = {
    diffs: [
      {
        applianceId: 'a1',
        fromVersion: 6,
        toVersion: 7,
        leftCatalogue: ['gone/v1'],
        comes: [{ rendition: 't1/v1', titleId: 't1', part: 'rest', sizeBytes: 4e9, expectedBytes: 1e9 }],
        goes: [{ rendition: 't2/v1', titleId: 't2', part: 'whole', sizeBytes: 3e9, expectedBytes: 2e8 }],
        comesBytes: 4e9,
        goesBytes: 3e9,
        staysBytes: 9e9,
        staysCount: 2,
        servedBeforeBytes: 2e9,
        servedAfterBytes: 1.5e9,
      },
    ],
  };

  test('of one appliance names what comes and goes, of all counts it', () => {
    const one = describeDiffs(diffs, 'a1');
    expect(one).toContain('a1: plan 6 -> 7\n');
    expect(one).toContain('and 1 that left the catalogue: gone/v1');
    expect(one).toContain('expected to serve a day 2.00 GB -> 1.50 GB (-500 MB)');
    expect(one).toMatch(/^\+ +t1\/v1 +rest +4\.00 GB +1\.00 GB$/m);
    expect(one).toMatch(/^- +t2\/v1 +whole +3\.00 GB +200 MB$/m);
    expect(describeDiffs(diffs, undefined)).toMatch(/^a1 +6 -> 7 +1 +4\.00 GB +2 +3\.00 GB +9\.00 GB/m);
    expect(describeDiffs({ diffs: [] }, undefined)).toBe('no appliance has two plans to compare yet\n');
  });
});

describe('a simulation', () => {
  const figures = {
    clusterId: 'c1',
    demandBytes: 1e12,
    servedBytes: 9e11,
    heldBeforeBytes: 1e12,
    droppedBytes: 0,
    fillBytes: { peer: 1e9, tier: 2e9, origin: 3e9 },
    endsAtMs: NOW_MS + 3_600_000,
    writesPerByte: 0.02,
    broken: [],
  };
  const simulation: Simulation = {
    nowMs: NOW_MS,
    before: [figures, { ...figures, clusterId: 'c2' }],
    after: [
      { ...figures, servedBytes: 8e11, endsAtMs: undefined },
      { ...figures, clusterId: 'c2' },
    ],
    held: { c1: ['drops 40.0 % of what the cluster holds'] },
  };

  test('shows now, then and the change, and the clusters that change', () => {
    const text = describeSimulation(simulation, 'without a2');
    expect(text).toMatch(/^served of the demand +90\.0 % +85\.0 % +-5\.0 points$/m);
    expect(text).toMatch(/^to be filled +12\.0 GB +12\.0 GB$/m);
    expect(text).toMatch(/^filled by, at best +2030-01-20 15:00Z +not within 5 days$/m);
    expect(text).toMatch(/^c1 +90\.0 % -> 80\.0 % /m);
    expect(text).not.toMatch(/^c2 /m);
    expect(text).toContain('cluster c1 would be held: drops 40.0 %');
  });

  test('what viewers of a lost cluster ask for is still asked for, and served by nobody', () => {
    const text = describeSimulation({ ...simulation, after: simulation.before.slice(1) }, 'without c1');
    const [, asked = '', change = ''] = /^asked for a day +(\S+ \S+) +(\S+ \S+)$/m.exec(text) ?? [];
    expect(asked).not.toBe('');
    expect(change).toBe(asked);
    expect(text).toMatch(/^served of the demand +90\.0 % +45\.0 % +-45\.0 points$/m);
    expect(text).toMatch(/^c1 +90\.0 % -> none/m);
  });

  test('of nothing to fill names no time, and of no clusters what to do', () => {
    const idle = simulation.before.map((figures) => ({ ...figures, fillBytes: { peer: 0, tier: 0, origin: 0 } }));
    expect(describeSimulation({ ...simulation, before: idle, after: idle }, undefined)).toMatch(
      /^filled by, at best +nothing to fill$/m,
    );
    const empty = describeSimulation({ ...simulation, before: [], after: [], held: {} }, undefined);
    expect(empty).toContain("The fleet has no clusters: 'oca fleet set --help'");
    expect(empty).not.toContain('1970');
  });

  test('without a question shows the next plans of every cluster', () => {
    const text = describeSimulation(simulation, undefined);
    expect(text).toMatch(/^served of the demand +90\.0 %$/m);
    expect(text).toMatch(/^c2 +90\.0 % +6\.00 GB +3\.00 GB +2030-01-20 15:00Z$/m);
  });
});

describe('the rollout', () => {
  const rollout: Rollout = {
    release: { number: 3, openedAtMs: NOW_MS, stage: 'canary', stageSinceMs: NOW_MS },
    isOnTrial: true,
    goodSinceMs: NOW_MS - 86_400_000,
    judgedUntilMs: NOW_MS,
    hoursJudged: 5,
    evidence: 3.21,
    proof: 100,
    clusters: { c1: { kind: 'keep', because: 'waits its turn' } },
    lastDay: [{ clusterId: 'c1', servedBytes: 1e12, missedBytes: 1e11, lostBytes: 2e9, wonBytes: 1e9 }],
    events: [{ atMs: NOW_MS, kind: 'stage', says: 'release 3 is at stage canary' }],
  };

  test('shows the stage, the evidence, each cluster and what happened', () => {
    const text = describeRollout(rollout);
    expect(text).toContain('release 3 is at stage canary since 2030-01-20 14:00Z\n');
    expect(text).toContain('5 hours judged, evidence against them 3.2 of 100');
    expect(text).toMatch(/^c1 +90\.0 % +2\.00 GB +1\.00 GB +plan before kept: waits its turn$/m);
    expect(text).toContain('2030-01-20 14:00Z  release 3 is at stage canary');
    const held = {
      ...rollout,
      release: undefined,
      isOnTrial: false,
      heldUntil: { untilMs: NOW_MS, because: 'went back' },
    };
    expect(describeRollout(held)).toContain('nothing new until 2030-01-20 14:00Z: went back\n');
  });
});

describe('what a simulation is asked', () => {
  test('is a window from one time of day to another, past midnight too', () => {
    expect(parseWindow('01-07')).toEqual({ start: '01:00', hours: 6 });
    expect(parseWindow('22:30-06:00')).toEqual({ start: '22:30', hours: 7.5 });
    expect(parseWindow('0-24')).toEqual({ start: '00:00', hours: 24 });
    for (const wrong of ['', '1', '25-07', '01:75-07', '24-02', 'one-two'])
      expect(() => parseWindow(wrong)).toThrow('is no window');
  });

  test('is a rate with its unit', () => {
    expect(parseBitRate('300Mbps')).toBe(3e8);
    expect(parseBitRate('1.5 Gbit/s')).toBe(1.5e9);
    expect(parseBitRate('64kbps')).toBe(64_000);
    for (const wrong of ['', '300', '300MB', '-1Mbps', '0Mbps'])
      expect(() => parseBitRate(wrong)).toThrow('is no rate');
  });

  test('is told in durations that one can read', () => {
    expect([45, 600, 5520, 7200].map(formatDuration)).toEqual(['45 s', '10 min', '1 h 32 min', '2 h']);
  });
});
