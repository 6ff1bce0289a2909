import { predictTallied, type TalliedRegions } from '../../demand/predict/predict-regions.ts';
import type { RegionDemand } from '../plan-facts.ts';
import { ClusterThreads } from './cluster-threads.ts';
import { shareArrays } from './share-arrays.ts';

/** Cells that are predicted in a few milliseconds: a thread takes a tenth of a second to begin. */
const SMALL = 20_000;

/** A prediction in a thread of its own, where it is large. Its arrays are in memory that threads share. */
export async function predictAside(question: TalliedRegions): Promise<ReadonlyMap<string, RegionDemand>> {
  if (question.catalogue.sizes.length * question.regions.length <= SMALL) return predictTallied(question);
  const threads = new ClusterThreads(1);
  try {
    return (await threads.do({ kind: 'predict', question: shareArrays(question) }, 'predicted')).demand;
  } finally {
    await threads.stop();
  }
}
