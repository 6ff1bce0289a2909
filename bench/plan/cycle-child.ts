import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetInputs } from '../../fill-planner/plan/fleet-inputs.ts';
import { PlanStore, REFRESH_MS } from '../../fill-planner/plan/plan-store.ts';
import { numberPlanned } from '../../fill-planner/plan/stored/number-contents.ts';
import { makePlans } from '../../fill-planner/plan/threads/make-plans.ts';
import { atOnce } from '../../src/resilience/in-slices.ts';
import { loadOrCreateIdentity } from '../../src/signing/identity.ts';
import { type FleetSize, generateFleet } from './generated-fleet.ts';

/** What one size of fleet takes, measured in a process of its own: then its memory is its own too. */
export interface CycleFigures extends FleetSize {
  readonly appliances: number;
  readonly renditions: number;
  /** Entries of all plans. */
  readonly planned: number;
  /** Reading what was held, planning in threads, storing and signing. */
  readonly planSec: number;
  readonly storeSec: number;
  /** The next cycle, an hour later: nothing has changed but time. */
  readonly againSec: number;
  /** Of the first cycle, of all threads together: the machine may be busy with other things. */
  readonly cpuSec: number;
  readonly againNew: number;
  readonly peakMemoryBytes: number;
  readonly storedBytes: number;
  /** Writing and signing the JSON of one plan, the largest, and how long it is. */
  readonly documentMs: number;
  readonly documentBytes: number;
}

const [titles = 0, clusters = 0, threads = 2] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'oca-bench-plan-'));
try {
  process.stdout.write(`${JSON.stringify(await measure({ titles, clusters }))}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(size: FleetSize): Promise<CycleFigures> {
  const { inputs, contents } = generateFleet(size);
  const identity = loadOrCreateIdentity('planner', join(folder, 'identity.pem'));
  const store = new PlanStore(join(folder, 'plan.sqlite'));
  const numbers = new Map(inputs.facts.map(({ id }, index) => [id, index]));
  let holdMemory: FleetInputs['holdMemory'];
  const cycle = async (nowMs: number) => {
    const startedMs = performance.now();
    const heldBefore = atOnce(store.readHeld((id) => numbers.get(id)));
    const made = await makePlans({ ...inputs, nowMs, heldBefore, holdMemory }, threads, (planned) =>
      numberPlanned(store, planned, inputs.facts.length, contents, nowMs),
    );
    holdMemory = new Map(
      made.clusters.flatMap((cluster) =>
        cluster.holdMemory === undefined ? [] : [[cluster.clusterId, cluster.holdMemory] as const],
      ),
    );
    const plannedMs = performance.now();
    store.setFleet(inputs.appliances.map(({ id }) => id));
    const plans = [...made.prepared.values()];
    const saved = [];
    for (let at = 0; at < plans.length; at += 8)
      saved.push(...store.save(plans.slice(at, at + 8), identity, nowMs, REFRESH_MS));
    return { saved, planSec: (plannedMs - startedMs) / 1000, storeSec: (performance.now() - plannedMs) / 1000 };
  };
  const before = process.cpuUsage();
  const first = await cycle(inputs.nowMs);
  const used = process.cpuUsage(before);
  const storedBytes = ['', '-wal'].reduce((sum, end) => sum + statSync(join(folder, `plan.sqlite${end}`)).size, 0);
  const again = await cycle(inputs.nowMs + 3_600_000);
  const largest = store.all().toSorted((a, b) => b.fileCount - a.fileCount)[0];
  const startedMs = performance.now();
  const documentBytes = largest === undefined ? 0 : atOnce(store.document(largest, identity)).length;
  const documentMs = performance.now() - startedMs;
  store.close();
  return {
    ...size,
    appliances: inputs.appliances.length,
    renditions: inputs.facts.length,
    planned: first.saved.reduce((sum, { renditionCount }) => sum + renditionCount, 0),
    planSec: round(first.planSec),
    storeSec: round(first.storeSec),
    againSec: round(again.planSec + again.storeSec),
    cpuSec: round((used.user + used.system) / 1e6),
    againNew: again.saved.filter(({ outcome }) => outcome === 'new').length,
    peakMemoryBytes: peakMemory(),
    storedBytes,
    documentMs: Math.round(documentMs),
    documentBytes,
  };
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** The most that the process ever had in memory, all its threads together, by the kernel's count. */
function peakMemory(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}
