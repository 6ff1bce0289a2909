import { HELD } from '../hold/held.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { RenditionFacts } from '../plan/plan-facts.ts';
import { bytesOfPart } from '../review/holding-columns.ts';

/**
 * A plan that is kept, as far as the disks take it: since it was made, titles may have been brought in anew and larger,
 * or the disks may have become smaller. What is worth least, at the end of the list, is left out.
 * @returns `plan` itself where all of it fits
 */
export function fitDisk(plan: PlanDraft, capacityBytes: number, facts: readonly RenditionFacts[]): PlanDraft {
  let count = 0;
  let bytes = 0;
  for (const [entry, rendition] of plan.rendition.entries()) {
    bytes += bytesOfPart(facts, rendition, plan.isHead[entry] === 1 ? HELD.head : HELD.whole);
    if (bytes > capacityBytes) break;
    count += 1;
  }
  if (count === plan.rendition.length) return plan;
  return {
    ...plan,
    rendition: plan.rendition.slice(0, count),
    isHead: plan.isHead.slice(0, count),
    isMaster: plan.isMaster.slice(0, count),
    expectedBytes: plan.expectedBytes.slice(0, count),
    rank: plan.rank.slice(0, count),
    copies: plan.copies.slice(0, count),
    reason: plan.reason.slice(0, count),
    sources: plan.sources.slice(0, count),
  };
}
