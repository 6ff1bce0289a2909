import { parentPort } from 'node:worker_threads';
import { draftCluster } from '../draft-cluster.ts';
import type { FleetInputs } from '../fleet-inputs.ts';
import type { FleetLinks } from '../link-fleet.ts';
import { placeCluster } from '../plan-fleet.ts';
import { type PlannedContents, preparePlan } from '../stored/prepare-plan.ts';
import type { ClusterAnswer, ClusterJob, FromClusterThread, ToClusterThread } from './cluster-messages.ts';
import { buffersOf } from './share-arrays.ts';

/**
 * The program of a thread that plans clusters for a cycle: one job after the other, each pure. What it throws is a bug
 * and ends the thread; the cycle then fails and the plans stay as they are.
 */
let inputs: Omit<FleetInputs, 'heldBefore'> | undefined;
let linked: { readonly links: FleetLinks; readonly contents: PlannedContents } | undefined;

parentPort?.on('message', (message: ToClusterThread) => {
  if (message.kind === 'inputs') inputs = message.inputs;
  else if (message.kind === 'links') linked = message;
  else {
    const answer: FromClusterThread = { number: message.number, answer: done(message.job) };
    parentPort?.postMessage(answer, buffersOf(answer));
  }
});

function done(job: ClusterJob): ClusterAnswer {
  if (inputs === undefined) throw new Error('a job came before the inputs');
  if (job.kind === 'place') {
    const placement = placeCluster({ ...inputs, heldBefore: job.heldBefore }, job.clusterId);
    // Nobody asks for the peak once copies are placed, and of 200 clusters it is a third of a gigabyte.
    return { kind: 'placed', placement: { ...placement, peakBitsPerSec: new Float64Array() } };
  }
  if (linked === undefined) throw new Error('a draft was asked for before the links');
  const { links, contents } = linked;
  const drafts = draftCluster({ ...inputs, heldBefore: new Map() }, job.placement, links);
  return { kind: 'drafted', plans: drafts.map((draft) => ({ draft, prepared: preparePlan(draft, contents) })) };
}
