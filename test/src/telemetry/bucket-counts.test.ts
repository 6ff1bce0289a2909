import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/telemetry/metrics.ts';

const lines = async (metrics: Metrics): Promise<string[]> =>
  (await metrics.expose()).split('\n').filter((line) => line.startsWith('x_') && !line.startsWith('#'));

describe('a histogram of counts', () => {
  it('says the same of many at once as of one after the other', async () => {
    const [one, many] = [new Metrics('x'), new Metrics('x')];
    const single = one.bucketCounts('wait_seconds', 'help', [0.5, 1, 2], 'how');
    for (const value of [0.5, 0.25, 1.5, 7]) single.observe('a', value);
    many.bucketCounts('wait_seconds', 'help', [0.5, 1, 2], 'how').observeMany('a', [2, 0, 1, 1], 9.25);
    expect(await lines(one)).toEqual(await lines(many));
    expect(await lines(one)).toEqual([
      'x_wait_seconds_bucket{le="0.5",how="a"} 2',
      'x_wait_seconds_bucket{le="1",how="a"} 2',
      'x_wait_seconds_bucket{le="2",how="a"} 3',
      'x_wait_seconds_bucket{le="+Inf",how="a"} 4',
      'x_wait_seconds_sum{how="a"} 9.25',
      'x_wait_seconds_count{how="a"} 4',
    ]);
  });

  it('keeps the values of a label apart', async () => {
    const metrics = new Metrics('x');
    const counts = metrics.bucketCounts('wait_seconds', 'help', [1], 'how');
    counts.observe('a', 1);
    counts.observe('b', 2);
    const text = await lines(metrics);
    expect(text).toContain('x_wait_seconds_bucket{le="1",how="a"} 1');
    expect(text).toContain('x_wait_seconds_bucket{le="1",how="b"} 0');
  });
});
