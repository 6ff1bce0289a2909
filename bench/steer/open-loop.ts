import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Questions } from './closed-loop.ts';

/** What an open-loop load came to: it asks by the clock, whether answers come or not. */
export interface OpenLoad {
  readonly askedPerSec: number;
  readonly answered: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly worstMs: number;
  /** How far apart the generator's own ticks of a millisecond were: its lateness is in the latencies. */
  readonly ownP99Ms: number;
  readonly ownWorstMs: number;
}

export interface OpenLoopOrder extends Questions {
  readonly url: string;
  readonly requestsPerSec: number;
  readonly seconds: number;
  readonly connections: number;
  /** Of what is drawn for the questions. */
  readonly seed: number;
}

/** Runs the generator as a process of its own on one core. */
export async function runOpenLoop(orderFile: string, order: OpenLoopOrder, core: number): Promise<OpenLoad> {
  writeFileSync(orderFile, JSON.stringify({ ...order, addresses: order.addresses.slice(0, 20_000) }));
  const child = fileURLToPath(new URL('./open-loop-child.ts', import.meta.url));
  const { stdout } = await promisify(execFile)('taskset', ['-c', String(core), process.execPath, child, orderFile]);
  return JSON.parse(stdout) as OpenLoad;
}
