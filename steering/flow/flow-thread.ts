import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../src/errors/operational-error.ts';
import { type FlowRound, planFlow } from './plan/plan-flow.ts';

/** The thread of flow-solver.ts: one round in, its plan out. */
parentPort?.on('message', (round: FlowRound) => {
  try {
    parentPort?.postMessage({ plan: planFlow(round) });
  } catch (error) {
    parentPort?.postMessage({ problem: messageOf(error) });
  }
});
