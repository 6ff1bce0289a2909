/**
 * Does the resident memory of an appliance stay flat while it serves? A leak of a few bytes per answer or per object
 * shows only after very many of both.
 *
 * What may grow: with each object that is held, by what is kept of it in memory, until there are no new objects; and at
 * first, until buffers and the memory tier are as large as they get. So objects come first and are charged per object,
 * then bytes are served, and the trend is taken over the second half of those.
 */
import { readFileSync } from 'node:fs';
import { Agent, request as askHttp } from 'node:http';
import { startSteadyOrigin } from '../../bench/steady-origin.ts';
import { createProgressBar } from '../../src/cli/progress-bar.ts';
import { formatTable } from '../../src/cli/table.ts';
import { demand } from './drill.ts';
import { type DrillAppliance, DrillRig } from './rig/drill-rig.ts';

const MIB = 2 ** 20;
const SMALL_BYTES = 4096;
const FILM_BYTES = 4 * MIB;
const FILMS = 64;
const MEMORY_TIER_BYTES = 64 * MIB;
const CLIENTS = 32;
const SAMPLES_PER_PHASE = 10;
const MOST_BYTES_PER_OBJECT = 4096;
/** A leak of one small object per answer of 1 MiB would be ten times that. */
const MOST_GROWTH_MIB_PER_GB = 4;

export interface MemoryOptions {
  readonly objects: number;
  readonly gigabytes: number;
}

interface Sample {
  readonly phase: string;
  readonly done: number;
  readonly rssMib: number;
}

/** What must be undone if somebody ends the run now. */
let running: DrillRig | undefined;

export const cleanUpMemoryRun = async (): Promise<string[]> => (await running?.leftovers.clear()) ?? [];

/** Prints resident memory over what was served, and a verdict. @returns whether it stayed flat */
export async function runMemory(options: MemoryOptions): Promise<boolean> {
  const bar = createProgressBar(process.stderr);
  const rig = await DrillRig.create((what) => bar.update(undefined, what));
  running = rig;
  try {
    const origin = await startSteadyOrigin((path) => (path.startsWith('/object/') ? SMALL_BYTES : FILM_BYTES));
    rig.leftovers.add('an origin', origin.stop);
    const appliance = await rig.appliance({
      origin: origin.url,
      memoryBytes: MEMORY_TIER_BYTES,
      volumeCapacityBytes: '16Gi',
    });
    const samples: Sample[] = [];
    const { objects, gigabytes } = options;
    const phase = async (name: string, count: number, ask: (index: number) => Promise<void>): Promise<void> => {
      await inParallel(count, ask, (done) => {
        if (done % Math.max(1, Math.floor(count / SAMPLES_PER_PHASE)) !== 0) return;
        samples.push({ phase: name, done, rssMib: residentMib(appliance.pid) });
        bar.update(done / count, `${name}: ${done} of ${count}, ${samples.at(-1)?.rssMib.toFixed(0)} MiB resident`);
      });
    };
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    rig.leftovers.add('connections', () => agent.destroy());
    const whole = (index: number): Promise<void> => take(appliance, `/object/${index}`, undefined, agent);
    const range = (index: number): Promise<void> => {
      const first = (Math.floor(index / FILMS) * MIB) % FILM_BYTES;
      return take(appliance, `/film/${index % FILMS}`, `bytes=${first}-${first + MIB - 1}`, agent);
    };
    await phase('1 MiB ranges, warming', FILMS * 8, range);
    await phase('objects', objects, whole);
    await phase('1 MiB ranges', Math.ceil((gigabytes * 1e9) / MIB), range);
    bar.end();
    return judge(samples, options);
  } finally {
    bar.end();
    for (const problem of await rig.leftovers.clear()) process.stderr.write(`could not undo ${problem}\n`);
    running = undefined;
  }
}

function judge(samples: readonly Sample[], { objects, gigabytes }: MemoryOptions): boolean {
  const rows = samples.map(({ phase, done, rssMib }) => [phase, String(done), rssMib.toFixed(1)]);
  process.stdout.write(`${formatTable(['phase', 'done', 'resident MiB'], rows)}\n\n`);
  const of = (phase: string): Sample[] => samples.filter((sample) => sample.phase === phase);
  const [filled, served] = [of('objects'), of('1 MiB ranges')];
  const before = of('1 MiB ranges, warming').at(-1)?.rssMib ?? 0;
  const perObject = (((filled.at(-1)?.rssMib ?? 0) - before) * MIB) / objects;
  const half = served.slice(Math.floor(served.length / 2));
  const slope = slopeOf(half.map(({ done, rssMib }) => [(done * MIB) / 1e9, rssMib]));
  const peak = Math.max(...samples.map(({ rssMib }) => rssMib));
  const isFlat = slope < MOST_GROWTH_MIB_PER_GB && perObject < MOST_BYTES_PER_OBJECT;
  process.stdout.write(
    `${isFlat ? 'FLAT' : 'GROWS'}: ${objects} objects and ${gigabytes} GB; ${perObject.toFixed(0)} bytes per new object ` +
      `(at most ${MOST_BYTES_PER_OBJECT}); ${slope.toFixed(2)} MiB per GB served, over the second half ` +
      `(at most ${MOST_GROWTH_MIB_PER_GB}); peak ${peak.toFixed(0)} MiB, memory tier of 64 MiB included\n`,
  );
  return isFlat;
}

/** Least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

async function inParallel(
  count: number,
  ask: (index: number) => Promise<void>,
  onDone: (done: number) => void,
): Promise<void> {
  let [next, done] = [0, 0];
  const client = async (): Promise<void> => {
    for (let index = next; index < count; index = next) {
      next += 1;
      await ask(index);
      done += 1;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

function take(appliance: DrillAppliance, path: string, range: string | undefined, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = range === undefined ? {} : { range };
    const request = askHttp(appliance.url + path, { headers, agent }, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode === 200 || statusCode === 206) resolve();
        else reject(new Error(`${path}: ${statusCode}`));
      });
    });
    request.once('error', reject);
    request.end();
  });
}

function residentMib(pid: number): number {
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  demand(Number.isFinite(kibibytes), 'the appliance has ended');
  return kibibytes / 1024;
}
