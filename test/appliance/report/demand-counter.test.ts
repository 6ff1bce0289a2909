import { beforeEach, describe, expect, it } from 'vitest';
import { DemandCounter } from '../../../appliance/report/demand-counter.ts';

const HOUR_MS = 3_600_000;
let leftOut: number;
let counter: DemandCounter;

beforeEach(() => {
  leftOut = 0;
  counter = new DemandCounter(3, (requests) => {
    leftOut += requests;
  });
});

describe('the demand counter', () => {
  it('sums requests and bytes by path and hour', () => {
    counter.count('/a', 100, 0, HOUR_MS);
    counter.count('/a', 50, 50, 2 * HOUR_MS - 1);
    counter.count('/a', 7, 0, 2 * HOUR_MS);
    counter.count('/b', 1, 1, HOUR_MS + 5);
    expect(counter.take()).toEqual(
      new Map([
        [
          HOUR_MS,
          new Map([
            ['/a', { requests: 2, servedBytes: 150, missedBytes: 50 }],
            ['/b', { requests: 1, servedBytes: 1, missedBytes: 1 }],
          ]),
        ],
        [2 * HOUR_MS, new Map([['/a', { requests: 1, servedBytes: 7, missedBytes: 0 }]])],
      ]),
    );
  });

  it('begins anew after a take', () => {
    counter.count('/a', 1, 0, 0);
    counter.take();
    expect(counter.take()).toEqual(new Map());
    counter.count('/a', 1, 0, 0);
    expect(counter.take().get(0)?.get('/a')?.requests).toBe(1);
  });

  it('goes on counting known paths when it has no room for more, and tells what it left out', () => {
    for (const path of ['/a', '/b', '/c', '/d', '/e']) counter.count(path, 1, 0, 0);
    counter.count('/a', 1, 0, 0);
    const taken = counter.take().get(0);
    expect([...(taken?.keys() ?? [])]).toEqual(['/a', '/b', '/c']);
    expect(taken?.get('/a')?.requests).toBe(2);
    expect(leftOut).toBe(2);
  });

  it('leaves out what could not be told by the contract: queries, long paths, steps out of the root', () => {
    for (const path of ['/a?token=secret', `/${'x'.repeat(2000)}`, '/../a', 'a', '']) counter.count(path, 1, 0, 0);
    expect(counter.take()).toEqual(new Map());
    expect(leftOut).toBe(5);
  });

  it('does not grow by hours when the clock jumps about', () => {
    for (let hour = 0; hour < 100; hour += 1) counter.count('/a', 1, 0, hour * HOUR_MS);
    expect(counter.take().size).toBe(3);
  });
});
