/**
 * A soak: one appliance over several lives, everything that viewers do to one at once, for as long as somebody likes to
 * wait, and every byte compared with what the origin had.
 *
 * Tests find what goes wrong in one order of events, the model what goes wrong in many short ones. What remains shows
 * itself only after long: a descriptor or a slot that is not given back once in a thousand aborts, an address that the
 * collector moved once, a table that fills. So the load is mixed and large, memory and disk are too small for it, content
 * changes and is purged all the time, and in the first half the appliance is stopped twice and killed twice. The second
 * half is one life, so that what grows can be seen growing.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/world/world.ts';
import { MoodyOrigin } from '../model/moody-origin.ts';
import { pick } from '../model/wishes.ts';
import { seededRandom } from '../support/fake-world.ts';
import { judgeSoak, type SoakEvidence, type SoakVerdict } from './judge-soak.ts';
import { ALL, POPULAR, putNext, RARE, stockLibrary } from './library.ts';
import { SoakAppliance } from './soak-appliance.ts';
import { SoakScene } from './soak-scene.ts';
import { doSomething, idle } from './soak-viewer.ts';

const VIEWERS = 24;
const IDLE_CONNECTIONS = 300;
const DEED_EVERY_MS = 1500;
const MOST_SAMPLES = 400;
const LEAST_SAMPLE_MS = 500;
/** Shares of the whole time. */
const LIVES_END: readonly (readonly [number, 'SIGTERM' | 'SIGKILL'])[] = [
  [0.12, 'SIGTERM'],
  [0.24, 'SIGKILL'],
  [0.36, 'SIGTERM'],
  [0.46, 'SIGKILL'],
];

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly engine: 'fast' | 'reference';
  readonly nodeFlags: readonly string[];
  readonly onProgress: (share: number, text: string) => void;
}

export interface SoakReport extends SoakVerdict {
  readonly counts: ReadonlyMap<string, number>;
  readonly servedBytes: number;
  readonly metrics: readonly string[];
  readonly complaints: readonly string[];
  /** Where the log and the volume are when it was not clean; they are removed otherwise. */
  readonly folder: string;
}

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const random = seededRandom(options.seed);
  const truth = stockLibrary(random);
  const origin = new MoodyOrigin(truth, seededRandom(options.seed + 1));
  const folder = mkdtempSync(join(tmpdir(), 'oca-soak-'));
  const originUrl = await origin.listen();
  const { engine, nodeFlags } = options;
  const appliance = await SoakAppliance.create({ folder, originUrl, engine, nodeFlags });
  const scene = new SoakScene(truth);
  const agent = new Agent({ keepAlive: true, maxSockets: 2 * VIEWERS });
  const leave = (): void => void appliance.end('SIGKILL').finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, leave);
  let isClean = false;
  try {
    await appliance.start();
    scene.url = appliance.url;
    const samples = await live({ scene, appliance, random, agent, options });
    agent.destroy();
    const wrong = [
      ...scene.complaints,
      ...(appliance.isRunning ? [] : [`the appliance ended by itself, see ${appliance.logFile}`]),
    ];
    if (!appliance.isRunning || appliance.atStart === undefined) throw new Error(wrong.join('\n'));
    const metrics = await appliance.metrics();
    const atEnd = await appliance.sampleAtRest();
    const verdict = judgeSoak({ wrong, atStart: appliance.atStart, atEnd, samples });
    isClean = verdict.isClean;
    const { counts, servedBytes, complaints } = scene;
    const lines = [...verdict.lines, `${appliance.lives} lives, ${logged(appliance.logFile)}`];
    return { ...verdict, lines, counts, servedBytes, metrics, complaints, folder };
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, leave);
    agent.destroy();
    await appliance.end('SIGTERM');
    origin.close();
    if (isClean) rmSync(folder, { recursive: true, force: true });
  }
}

interface Soaking {
  readonly scene: SoakScene;
  readonly appliance: SoakAppliance;
  readonly random: Random;
  readonly agent: Agent;
  readonly options: SoakOptions;
}

/** @returns the samples of the last life */
async function live(soaking: Soaking): Promise<SoakEvidence['samples']> {
  const { scene, appliance, random, agent, options } = soaking;
  const draw = (): Random => seededRandom(Math.floor(random.next() * 2 ** 32));
  const wait = (): Promise<unknown> => scene.running();
  const viewer = async (own: Random): Promise<void> => {
    while (!scene.isOver) {
      await wait();
      await doSomething(scene, own, agent).catch((error: unknown) => scene.wrong(describe(error)));
    }
  };
  const idler = async (own: Random): Promise<void> => {
    while (!scene.isOver) await idle(scene, own).catch((error: unknown) => scene.wrong(describe(error)));
  };
  const all = [
    ...Array.from({ length: VIEWERS }, () => viewer(draw())),
    ...Array.from({ length: IDLE_CONNECTIONS }, () => idler(draw())),
    change(scene, appliance, draw()),
  ];
  const samples = await watch(soaking);
  scene.isOver = true;
  options.onProgress(1, 'waiting for the last answers');
  await Promise.all(all);
  return samples;
}

/** Looks at the process, ends it when its time has come, and says how far the soak is. */
async function watch({ scene, appliance, options }: Soaking): Promise<SoakEvidence['samples']> {
  const totalMs = options.minutes * 60_000;
  const startedMs = performance.now();
  const everyMs = Math.max(LEAST_SAMPLE_MS, totalMs / MOST_SAMPLES);
  const ends = [...LIVES_END];
  let samples: { sample: ReturnType<SoakAppliance['sample']>; servedBytes: number }[] = [];
  for (let share = 0; share < 1; share = (performance.now() - startedMs) / totalMs) {
    if (!appliance.isRunning) break;
    const [next] = ends;
    if (next !== undefined && share >= next[0]) {
      ends.shift();
      await scene.restart(async () => {
        const complaint = await appliance.end(next[1]);
        if (complaint !== undefined) scene.wrong(complaint);
        await appliance.start();
      });
      scene.count(next[1]);
      samples = [];
    }
    const sample = appliance.sample();
    samples.push({ sample, servedBytes: scene.servedBytes });
    const gigabytes = (scene.servedBytes / 1e9).toFixed(1);
    const wrong = scene.counts.get('WRONG') ?? 0;
    options.onProgress(share, `${gigabytes} GB judged, ${sample.rssMib.toFixed(0)} MiB resident, ${wrong} wrong`);
    await sleep(everyMs);
  }
  return samples;
}

/** The origin gets other content and the appliance is told; now and then it is told to forget what has not changed. */
async function change(scene: SoakScene, appliance: SoakAppliance, random: Random): Promise<void> {
  while (!scene.isOver) {
    await sleep(DEED_EVERY_MS * (0.5 + random.next()));
    await scene.running();
    const deed = random.next();
    const kind = pick(random, deed < 0.4 ? POPULAR : deed < 0.6 ? RARE : ALL);
    const mode = random.next() < 0.15 ? 'cut' : 'finish';
    const isChange = deed < 0.85;
    const paths = isChange ? [kind.path] : ALL.map(({ path }) => path).filter((path) => path.startsWith('/rare/1'));
    for (const path of paths) scene.disturb(path);
    if (isChange) putNext(scene.truth, kind, random);
    const beganMs = scene.truth.lateMs;
    const what = isChange ? { path: kind.path } : { prefix: '/rare/1' };
    // A purge that was not acknowledged promises nothing: the appliance may be ending.
    const isDone = await appliance.purge(what, mode).catch(() => false);
    for (const path of paths) {
      scene.disturb(path);
      if (isDone) scene.truth.purged(path, beganMs);
    }
    scene.count(isDone ? `purged, ${mode}` : 'purge not acknowledged');
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the log has of levels that should not be there. */
function logged(file: string): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  const of = (level: string): string[] => lines.filter((line) => line.includes(`"level":"${level}"`));
  const errors = of('error');
  return `${of('warn').length} warnings and ${errors.length} errors in the log${errors.length === 0 ? '' : `, the first: ${errors[0]?.slice(0, 500)}`}`;
}
