import { expect, it } from 'vitest';
import { GuardedReuseRate } from '../../appliance/store/eviction/guarded-reuse-rate.ts';
import { Lru } from '../../appliance/store/eviction/lru.ts';
import { replay } from '../../bench/eviction/replay.ts';
import { launchDay, popularityDrift, scan, smallIsp } from '../../bench/workloads/generated-traces.ts';
import { uniqueBytes } from '../../bench/workloads/trace.ts';

it.each([
  [popularityDrift, 0.05],
  [launchDay, 0.05],
  [scan, 0.05],
  [smallIsp, 0.01],
  [smallIsp, 0.05],
  [smallIsp, 0.1],
] as const)('the default is at most 0.3 points below LRU: %o, cache of %d', (make, share) => {
  const trace = make();
  const capacityBytes = uniqueBytes(trace) * share;
  const ratio = ({ hitBytes, requestedBytes }: ReturnType<typeof replay>) => hitBytes / requestedBytes;
  const own = ratio(replay(trace, new GuardedReuseRate(), capacityBytes));
  expect(own).toBeGreaterThan(ratio(replay(trace, new Lru(), capacityBytes)) - 0.003);
});

it('a workload is the same every time', () => {
  const [one, other] = [smallIsp(), smallIsp()];
  expect([one.ids, one.bytes]).toEqual([other.ids, other.bytes]);
});
