import { parentPort } from 'node:worker_threads';
import { predictTallied } from '../../demand/predict/predict-regions.ts';
import { type FactColumns, factColumns, planFigures } from '../../review/plan-figures.ts';
import { draftCluster } from '../draft-cluster.ts';
import type { FleetInputs } from '../fleet-inputs.ts';
import { type FleetLinks, linkFleet } from '../link-fleet.ts';
import type { RenditionFacts } from '../plan-facts.ts';
import { placeCluster } from '../plan-fleet.ts';
import { type PlannedContents, preparePlan } from '../stored/prepare-plan.ts';
import type { ClusterAnswer, ClusterJob, FromClusterThread, ToClusterThread } from './cluster-messages.ts';
import { buffersOf, shareArrays } from './share-arrays.ts';

/**
 * The program of a thread that works for a cycle: one job after the other, each pure. What it throws is a bug and ends
 * the thread; the cycle then fails and the plans stay as they are.
 */
const facts: RenditionFacts[] = [];
const originUrls: string[] = [];
let common: { readonly inputs: Omit<FleetInputs, 'heldBefore'>; readonly columns: FactColumns } | undefined;
let linked: { readonly links: FleetLinks; readonly contents: PlannedContents } | undefined;

parentPort?.on('message', (message: ToClusterThread) => {
  switch (message.kind) {
    case 'renditions':
      facts.push(...message.facts);
      originUrls.push(...message.originUrls);
      break;
    case 'inputs': {
      const inputs = { ...message.inputs, facts, originUrls };
      common = { inputs, columns: factColumns(inputs) };
      break;
    }
    case 'links':
      linked = { links: { ...message.links, originUrls }, contents: message.contents };
      break;
    case 'job': {
      const answer: FromClusterThread = { number: message.number, answer: done(message.job) };
      parentPort?.postMessage(answer, buffersOf(answer));
    }
  }
});

function done(job: ClusterJob): ClusterAnswer {
  if (job.kind === 'predict') return { kind: 'predicted', demand: shareArrays(predictTallied(job.question)) };
  if (common === undefined) throw new Error('a job came before the inputs');
  const inputs: FleetInputs = { ...common.inputs, heldBefore: job.heldBefore };
  if (job.kind === 'place') {
    const placement = placeCluster(inputs, job.clusterId);
    // Nobody asks for the peak once copies are placed, and of 200 clusters it is a third of a gigabyte.
    return { kind: 'placed', placement: shareArrays({ ...placement, peakBitsPerSec: new Float64Array() }) };
  }
  if (job.kind === 'link') {
    // URLs are known here, and 200,000 strings would be copied.
    const links = { ...linkFleet(inputs, job.placements), originUrls: [] };
    return { kind: 'linked', links: shareArrays(links) };
  }
  if (linked === undefined) throw new Error('a draft was asked for before the links');
  const { links, contents } = linked;
  const drafts = draftCluster(inputs, job.placement, links);
  return {
    kind: 'drafted',
    plans: drafts.map((draft) => ({ draft, prepared: preparePlan(draft, contents) })),
    figures: planFigures(inputs, drafts, { columns: common.columns }),
  };
}
