import { describe, expect, it } from 'vitest';
import type { OutcomeBatch } from '../../../../appliance/fast-path/messages.ts';
import { countOutcomes, type OutcomeSinks } from '../../../../appliance/fast-path/owner/count-outcomes.ts';
import { ApplianceMetrics } from '../../../../appliance/metrics.ts';
import { ViewQueue } from '../../../../appliance/quality/view-queue.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';

const QUIET: OutcomeBatch = {
  objects: [],
  firstByteMs: [],
  firstByteSumMs: 0,
  views: [],
  viewsLeftOut: 0,
  refused: {},
  abandoned: {},
  shed: 0,
  tokens: {},
};

function listen() {
  const told: unknown[][] = [];
  const metrics = new Metrics('appliance');
  const views = new ViewQueue();
  const sinks: OutcomeSinks = {
    metrics: new ApplianceMetrics(metrics),
    recordDemand: (...facts) => told.push(['demand', ...facts]),
    served: (...facts) => told.push(['served', ...facts]),
    views: () => views,
    hitBegan: (ms) => told.push(['hit', ms]),
    tokensChecked: (...facts) => told.push(['tokens', ...facts]),
  };
  const value = async (series: string): Promise<string | undefined> =>
    (await metrics.expose())
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1);
  return { told, sinks, views, value };
}

describe('what a wire thread did', () => {
  it('is counted as the hits that it was, with their bytes, demand and readings', async () => {
    const { told, sinks, value } = listen();
    const objects = [
      { key: '/a?v=1', path: '/a', requests: 3, bytes: 300, blocksServed: 3 },
      { key: '/b', path: '/b', requests: 2, bytes: 0, blocksServed: 0 },
    ];
    expect(countOutcomes({ ...QUIET, objects }, sinks)).toEqual({ requests: 5, bytes: 300 });
    expect(await value('appliance_requests_total{outcome="hit"}')).toBe('5');
    expect(await value('appliance_served_bytes_total{outcome="hit"}')).toBe('300');
    expect(told).toEqual([
      ['demand', '/a', 300, 3],
      ['served', '/a?v=1', 300],
    ]);
  });

  it('keeps what was shed, refused and broken off apart from it', async () => {
    const { sinks, told, value } = listen();
    const refused = { 'connections-of-address': 4 };
    const abandoned = { 'client-left': 2 };
    countOutcomes({ ...QUIET, shed: 7, refused, abandoned, tokens: { passed: 9 } }, sinks);
    expect(await value('appliance_requests_total{outcome="shed"}')).toBe('7');
    expect(await value('appliance_refused_requests_total{reason="connections-of-address"}')).toBe('4');
    expect(await value('appliance_abandoned_answers_total{reason="client-left"}')).toBe('2');
    expect(told).toEqual([['tokens', 'passed', 9]]);
  });

  it('tells a spread of times that is no larger than its counts and bounded when they are many', async () => {
    const { sinks, told, value } = listen();
    countOutcomes({ ...QUIET, firstByteMs: [2, 0, 1], firstByteSumMs: 6 }, sinks);
    expect(told).toEqual([
      ['hit', 0.25],
      ['hit', 0.75],
      ['hit', 3.75],
    ]);
    expect(await value('appliance_first_byte_seconds_bucket{le="0.001",outcome="hit"}')).toBe('2');
    expect(await value('appliance_first_byte_seconds_sum{outcome="hit"}')).toBe('0.006');
    told.length = 0;
    countOutcomes({ ...QUIET, firstByteMs: [60_000, 40_000] }, sinks);
    expect(told.length).toBeGreaterThan(50);
    expect(told.length).toBeLessThan(70);
  });

  it('puts views where the others are, and says how many were left out', () => {
    const { sinks, views } = listen();
    const view = { address: '192.0.2.1', target: '/a?CMCD=br%3D100', headers: {}, bytes: 5, durationMs: 3 };
    countOutcomes({ ...QUIET, views: [{ ...view, ending: 'left' }], viewsLeftOut: 6 }, sinks);
    const taken: unknown[] = [];
    views.drain(10, (delivered) => taken.push(delivered));
    expect(taken).toEqual([{ address: '192.0.2.1', cmcd: 'br=100', bytes: 5, durationMs: 3, ending: 'left' }]);
    expect(views.takeLeftOut()).toBe(6);
  });
});
