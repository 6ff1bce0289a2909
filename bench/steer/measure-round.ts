import { join } from 'node:path';
import { readProcessCost } from '../process-cost.ts';
import { type ClosedLoad, type Questions, runWrk } from './closed-loop.ts';
import { type MachineShape, watchMachine } from './machine-watch.ts';
import { type OpenLoad, runOpenLoop } from './open-loop.ts';

export interface SteeringLoad extends ClosedLoad {
  readonly cpuMicrosPerRequest: number;
}

/** One round, with nginx in the same minute on the same core: what is left of its figures is the machine's. */
export interface Round {
  readonly steering: SteeringLoad;
  readonly open: OpenLoad;
  readonly nginx: ClosedLoad;
  /** nginx under the same generator at the same rate. */
  readonly nginxOpen: OpenLoad;
  readonly machine: MachineShape;
}

export interface RoundOrder {
  readonly folder: string;
  readonly url: string;
  readonly pid: number;
  readonly nginxUrl: string;
  readonly questions: Questions;
  readonly load: { readonly core: number; readonly connections: number; readonly script: string };
  readonly seconds: number;
  readonly seed: number;
}

/** Of what a round has just reached, at which latency is asked for. */
export const OPEN_SHARE = 0.7;
/** What the open loop must stay below. */
export const P99_LIMIT_MS = 5;
/** From here on nginx, which needs a tenth of the time for an answer, is late by what the machine does. */
export const MACHINE_LATE_MS = P99_LIMIT_MS / 2;

export async function measureRound(order: RoundOrder): Promise<Round> {
  const { done, was } = await watchMachine(() => runRound(order));
  return { ...done, machine: was };
}

/** Nothing can be said of steering in such a minute. */
export const wasMachineLate = ({ nginxOpen }: Round): boolean => !(nginxOpen.p99Ms < MACHINE_LATE_MS);

export async function measureClosed({
  url,
  pid,
  load,
  seconds,
}: Pick<RoundOrder, 'url' | 'pid' | 'load' | 'seconds'>): Promise<SteeringLoad> {
  const before = readProcessCost(pid);
  const result = await runWrk(url, { ...load, seconds });
  const after = readProcessCost(pid);
  return { ...result, cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / result.requests };
}

async function runRound(order: RoundOrder): Promise<Omit<Round, 'machine'>> {
  const { folder, url, nginxUrl, questions, load, seconds, seed } = order;
  const steering = await measureClosed(order);
  const asked = {
    ...questions,
    requestsPerSec: steering.requestsPerSec * OPEN_SHARE,
    connections: load.connections,
    seconds,
    seed,
  };
  const ask = (at: string): Promise<OpenLoad> =>
    runOpenLoop(join(folder, 'order.json'), { ...asked, url: at }, load.core);
  const open = await ask(url);
  const nginxOpen = await ask(nginxUrl);
  return { steering, open, nginxOpen, nginx: await runWrk(nginxUrl, { ...load, seconds: Math.ceil(seconds / 2) }) };
}
