import { seededRandom } from '../workloads/trace.ts';
import type { Replayed } from './replay.ts';

/** Share of what the other misses that is not missed: 0.1 is a tenth fewer missed bytes. */
export function missReduction(own: Replayed, other: Replayed): number {
  const missed = ({ requestedBytes, hitBytes }: Replayed): number => requestedBytes - hitBytes;
  return 1 - missed(own) / missed(other);
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const DRAWS = 2000;

/**
 * Where the mean reduction over several caches lies with 95 % confidence: stretches of the measured time are drawn with
 * replacement, the same for both policies and all caches, because neighbouring requests depend on each other.
 */
export function reductionInterval(pairs: readonly (readonly [own: Replayed, other: Replayed])[]): [number, number] {
  const random = seededRandom(7);
  const stretches = pairs[0]?.[0].missedByStretch.length ?? 0;
  const means: number[] = [];
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const drawn = Array.from({ length: stretches }, () => Math.floor(random() * stretches));
    const missed = ({ missedByStretch }: Replayed): number =>
      drawn.reduce((sum, stretch) => sum + (missedByStretch[stretch] ?? 0), 0);
    means.push(meanOf(pairs.map(([own, other]) => 1 - missed(own) / missed(other))));
  }
  means.sort((a, b) => a - b);
  return [means[Math.floor(DRAWS * 0.025)] ?? 0, means[Math.floor(DRAWS * 0.975)] ?? 0];
}
