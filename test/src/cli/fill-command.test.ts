import { describe, expect, it } from 'vitest';
import { describeFill, describeMotion, type FillStatus } from '../../../src/cli/describe-fill.ts';
import { parseTime } from '../../../src/cli/fill-command.ts';

const HOUR_MS = 3_600_000;
const nowMs = Date.UTC(2026, 10, 22, 3, 12);
const FILLING: FillStatus = {
  applianceId: 'oca-north-1',
  state: 'filling',
  nowMs,
  plan: { planVersion: 17, createdAtMs: nowMs - 5 * HOUR_MS },
  window: { startsAtMs: nowMs - HOUR_MS, endsAtMs: nowMs + 2.8 * HOUR_MS, fillBitsPerSec: 1.2e9 },
  isBeyondPlan: false,
  fileCount: 12_840,
  heldFileCount: 7211,
  planBytes: 9.21e12,
  heldBytes: 4.4e12,
  valueShare: 0.713,
  filledBytes: { peer: 1.1e12, tier: 0, origin: 2.2e11 },
  bytesPerSec: 1.1e8,
  bulkShare: 1,
  manifestsMissing: 0,
  forecast: {
    endsAtMs: nowMs + 2 * HOUR_MS,
    window: { endsAtMs: nowMs + 2.8 * HOUR_MS, bytes: 4.81e12 },
    isMeasured: true,
    valueShareAtEnd: 1,
  },
  failures: [],
  bannedSources: [],
};
const shown = (more: Partial<FillStatus>): string => describeFill({ ...FILLING, ...more }, 120);

describe('oca fill status', () => {
  it('shows how far it is, how fast, from whom, until when, and the end', () => {
    expect(shown({}).split('\n')).toEqual([
      'oca-north-1: filling, plan 17 of 2026-11-21 22:12Z',
      `[${'#'.repeat(19)}${'.'.repeat(21)}] 47 %  4.40 TB of 9.21 TB, 7211 of 12840 files, 71 % of the value`,
      'rate     880 Mbit/s of late; allowed 1.20 Gbit/s',
      'fetched  1.10 TB from peers, 220 GB from the origin',
      'window   open until 2026-11-22 06:00Z, in 2 h 48 min',
      'end      2026-11-22 05:12Z, in 2 h 0 min, at the rate measured',
      '',
    ]);
  });

  it('says that it will not end in this window, what will be here then, and when all of it is', () => {
    const forecast = {
      endsAtMs: nowMs + 30 * HOUR_MS,
      window: { endsAtMs: nowMs + 2.8 * HOUR_MS, bytes: 1.1e12 },
      isMeasured: true,
      valueShareAtEnd: 0.842,
    };
    expect(describeFill({ ...FILLING, forecast }, 140)).toContain(
      'end      NOT in this window: 59 % of the bytes and 84 % of the value will be here at 2026-11-22 06:00Z, at the rate measured\n' +
        '         all of it: 2026-11-23 09:12Z, in 30 h 0 min\n',
    );
    expect(shown({ forecast: { ...forecast, endsAtMs: undefined } })).toContain(
      'all of it: not in any window that is known',
    );
  });

  it('never shows more than is there: 100 % and a full bar are for all of it', () => {
    const [, line = ''] = shown({ heldBytes: 9.209_999e12, valueShare: 0.999_999 }).split('\n');
    expect(line).toContain('] 99 %');
    expect(line).toContain('99 % of the value');
    expect(line).toMatch(/#\.\]/);
    const [first, second] = shown({ state: 'complete', heldBytes: 9.21e12 }).split('\n');
    expect(first).toContain('complete: all of the plan is here');
    expect(second).toContain('] 100 %');
  });

  it('says who is banned, what viewers take, and what failed', () => {
    const text = shown({
      bulkShare: 0.4,
      bannedSources: [{ id: 'oca-north-3', untilMs: nowMs + 20 * 60_000, bans: 2 }],
      failures: ['/a', '/b', '/c', '/d', '/e'].map((path) => ({ path, code: 'SOURCE_STATUS', detail: 'p1' })),
      linkLeftBytes: 5e9,
      manifestsMissing: 2,
    });
    expect(text).toContain('viewers leave it 40 % of that');
    expect(text).toContain('banned   oca-north-3 gave wrong bytes, 2 times by now; it is not asked until');
    expect(text).toContain('failed   /a: SOURCE_STATUS p1');
    expect(text).toContain('and 2 more');
    expect(text).toContain("5.00 GB are left for the site's link");
    expect(text).toContain('2 manifests are not here yet');
  });

  it("tells the operator's order, windows to come, and when there are none", () => {
    const closed: Partial<FillStatus> = { state: 'waiting', window: undefined, bytesPerSec: undefined };
    const nextWindow = { startsAtMs: nowMs + 20 * HOUR_MS, endsAtMs: nowMs + 24 * HOUR_MS, fillBitsPerSec: 1.2e9 };
    expect(shown({ ...closed, nextWindow })).toContain(
      'window   opens 2026-11-22 23:12Z, in 20 h 0 min, at 1.20 Gbit/s',
    );
    expect(shown({ ...closed, order: { kind: 'pause', untilMs: nowMs + HOUR_MS } })).toMatch(
      /^oca-north-1: paused, plan/,
    );
    expect(shown({ ...closed, order: { kind: 'pause', untilMs: nowMs + HOUR_MS } })).toContain(
      "paused by the operator until 2026-11-22 04:12Z, in 1 h 0 min; 'oca fill resume' ends that",
    );
    expect(shown({ order: { kind: 'now', untilMs: nowMs + 2.8 * HOUR_MS } })).toContain('opened by the operator');
    expect(shown({ order: { kind: 'now', untilMs: nowMs + HOUR_MS } })).not.toContain('opened by the operator');
    expect(shown({ ...closed, isBeyondPlan: true })).toContain('window   none to come');
    expect(shown({ plan: undefined })).toMatch(/^oca-north-1: no plan yet/);
  });
});

describe('the width of a terminal', () => {
  it.each([80, 100, 120])('of %i columns is kept, with all that may be told', (columns) => {
    const text = describeFill(
      {
        ...FILLING,
        window: { startsAtMs: nowMs, endsAtMs: nowMs + HOUR_MS, fillBitsPerSec: 1.25e9, peerBitsPerSec: 1.25e9 },
        bulkShare: 0.4,
        forecast: {
          endsAtMs: nowMs + 30 * HOUR_MS,
          window: { endsAtMs: nowMs + HOUR_MS, bytes: 1.1e12 },
          isMeasured: true,
          valueShareAtEnd: 0.842,
        },
        bannedSources: [{ id: 'oca-north-3', untilMs: nowMs + 20 * 60_000, bans: 2 }],
      },
      columns,
    );
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    expect(text.replaceAll(/\n +/g, ' ')).toContain('from peers 1.25 Gbit/s more; viewers leave it 40 % of that');
  });
});

describe('a plan of nothing', () => {
  it('is not called complete, and says whom to ask', () => {
    const text = shown({ state: 'complete', fileCount: 0, heldFileCount: 0, planBytes: 0, heldBytes: 0 });
    expect(text).toMatch(/^oca-north-1: plan 17 of 2026-11-21 22:12Z holds nothing\n'oca plan run'/);
    expect(text).not.toContain('complete');
  });
});

describe('the line of --watch', () => {
  it('tells how much, how fast and when it is done, or how far this window brings it', () => {
    expect(describeMotion(FILLING)).toBe('4.40 TB of 9.21 TB, 880 Mbit/s, done in 2 h 0 min');
    const forecast = { window: { endsAtMs: nowMs + HOUR_MS, bytes: 1.1e12 }, isMeasured: true };
    expect(describeMotion({ ...FILLING, forecast })).toBe('4.40 TB of 9.21 TB, 880 Mbit/s, 59 % in this window');
  });

  it('tells what it waits for', () => {
    const closed = { ...FILLING, state: 'waiting' as const, window: undefined, bytesPerSec: undefined };
    const nextWindow = { startsAtMs: nowMs + 20 * HOUR_MS, endsAtMs: nowMs + 24 * HOUR_MS, fillBitsPerSec: 1.2e9 };
    expect(describeMotion({ ...closed, nextWindow })).toBe('4.40 TB of 9.21 TB, window opens in 20 h 0 min');
    expect(describeMotion(closed)).toBe('4.40 TB of 9.21 TB, no window to come');
    expect(describeMotion({ ...closed, order: { kind: 'pause', untilMs: nowMs + HOUR_MS } })).toBe(
      '4.40 TB of 9.21 TB, paused, ends in 1 h 0 min',
    );
    expect(describeMotion({ ...FILLING, state: 'blocked' })).toContain('blocked: no source gives it');
  });
});

describe('a peer that lacks a file', () => {
  const failures = [{ path: '/a', code: 'SOURCE_LACKS', detail: 'p1' }];
  it('is told of only when nothing else is left', () => {
    expect(shown({ failures })).not.toContain('failed');
    expect(shown({ failures, state: 'blocked' })).toContain('failed   /a: SOURCE_LACKS p1');
  });
});

describe('a time that is given', () => {
  it('is minutes, hours or days, up to a week', () => {
    expect(['1m', '90m', '2h', '1.5d', '7d'].map(parseTime)).toEqual([
      60_000, 5_400_000, 7_200_000, 129_600_000, 604_800_000,
    ]);
  });

  it.each(['', '2', 'h', '30s', '0.5m', '8d', '-1h', '1h30m', '1e3m'])('is refused: %j', (text) => {
    expect(() => parseTime(text)).toThrow(/must be from 1m to 7d/);
  });
});
