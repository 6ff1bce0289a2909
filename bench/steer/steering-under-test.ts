import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { fillCatalogue, heartbeatOf, type SteeringSize, writePrefixes } from './fill-state.ts';

/** A real steering process on one core, with everything loaded that it shall know. */
export interface SteeringUnderTest {
  readonly url: string;
  readonly pid: number;
  /** An address in each of many of its prefixes. */
  readonly addresses: readonly string[];
  readonly prefixSource: string;
  /** From the start of the process until it answered with the whole table. */
  readonly startMs: number;
  /** How many of all answers so far were decisions, 0 to 1: the static order is cheaper. */
  decidedShare(): Promise<number>;
  stop(): Promise<void>;
}

const LEASE_MS = 600_000;
const POSTS_AT_ONCE = 8;
const LOAD_TIMEOUT_MS = 120_000;

export async function startSteering(
  folder: string,
  size: SteeringSize,
  options: { readonly core: number; readonly sample: string },
): Promise<SteeringUnderTest> {
  const stateDir = join(folder, 'state');
  mkdirSync(stateDir, { recursive: true });
  const prefixFile = join(folder, 'prefixes.csv');
  const { addresses, source } = await writePrefixes(prefixFile, size, { sample: options.sample, wanted: 100_000 });
  fillCatalogue(stateDir, size);
  const beganMs = performance.now();
  const service = await ChildService.start({
    words: serviceWords('steering', {
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      state: stateDir,
      prefixes: prefixFile,
      leaseMs: LEASE_MS,
      // The table is not watched while it is measured.
      prefixPollMs: LEASE_MS,
      maxDecisionsPerSec: 1_000_000,
      maxPerAddressPerSec: 1_000_000,
      maxHeartbeatsPerSec: 1_000_000,
      // What is measured are decisions, not what there is instead of them.
      shedDelayMs: 10_000,
      trustedProxies: '127.0.0.1/32',
      logLevel: 'error',
      allowUnsignedLoopback: '',
    }).filter((word) => word !== ''),
  });
  try {
    pin(service.pid, options.core);
    const url = service.addresses['listen'] ?? '';
    await waitForPrefixes(service.addresses['admin'] ?? '', size.prefixes);
    const startMs = performance.now() - beganMs;
    await beat(url, size);
    return {
      url,
      pid: service.pid,
      addresses,
      prefixSource: source,
      startMs,
      decidedShare: () => decidedShare(service.addresses['admin'] ?? ''),
      stop: async () => {
        await service.end('SIGTERM');
      },
    };
  } catch (error) {
    await service.end('SIGTERM');
    throw error;
  }
}

/** Keeps all threads of a process on one core. */
export function pin(pid: number, core: number): void {
  const taskset = (): string | Buffer =>
    execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
  try {
    taskset();
  } catch {
    // A thread that ends between the listing and its turn fails the whole: those that come later inherit from the rest.
    taskset();
  }
}

async function beat(url: string, size: SteeringSize): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < size.appliances) {
      const heartbeat = heartbeatOf(next, size, 1);
      next += 1;
      const response = await fetch(`${url}/v1/heartbeat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(heartbeat),
      });
      if (!response.ok) throw new Error(`a heartbeat was answered with ${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: POSTS_AT_ONCE }, worker));
}

async function decidedShare(adminUrl: string): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const sumOf = (name: string): number =>
    [...metrics.matchAll(new RegExp(`^steering_${name}\\{[^}]*\\} (\\d+)$`, 'gm'))].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  const decided = sumOf('decisions_total');
  return decided / (decided + sumOf('static_answers_total'));
}

async function waitForPrefixes(adminUrl: string, prefixes: number): Promise<void> {
  const deadlineMs = performance.now() + LOAD_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
    const loaded = Number(/^steering_prefixes(?:\{[^}]*\})? (\d+)$/m.exec(metrics)?.[1] ?? 0);
    if (loaded >= prefixes * 0.99) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error(`the table of ${prefixes} prefixes was not loaded within ${LOAD_TIMEOUT_MS} ms`);
}
