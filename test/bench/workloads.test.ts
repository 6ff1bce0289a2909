import { expect, it } from 'vitest';
import { GuardedReuseRate } from '../../appliance/store/eviction/guarded-reuse-rate.ts';
import { Lru } from '../../appliance/store/eviction/lru.ts';
import { replay } from '../../bench/eviction/replay.ts';
import { launchDay, popularityDrift, scan, smallIsp } from '../../bench/workloads/generated-traces.ts';
import { uniqueBytes } from '../../bench/workloads/trace.ts';

it.each([popularityDrift, launchDay, scan, smallIsp])('the default is at most 0.3 points below LRU: %o', (make) => {
  const trace = make();
  const capacityBytes = uniqueBytes(trace) * 0.05;
  const ratio = ({ hitBytes, requestedBytes }: ReturnType<typeof replay>) => hitBytes / requestedBytes;
  const own = ratio(replay(trace, new GuardedReuseRate(), capacityBytes));
  expect(own).toBeGreaterThan(ratio(replay(trace, new Lru(), capacityBytes)) - 0.003);
});

it('a workload is the same every time', () => {
  const [one, other] = [smallIsp(), smallIsp()];
  expect([one.ids, one.bytes]).toEqual([other.ids, other.bytes]);
});
