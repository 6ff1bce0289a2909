/**
 * One life of an appliance: a real process with real disks and sockets, an origin that replaces, withdraws and fails,
 * viewers who ask for whatever they like, an operator who purges, and ends by SIGTERM and by kill -9, all drawn from a
 * seed. Every answer is judged against what the origin had.
 *
 * A seed repeats what is asked and what goes wrong; in which order sockets and disks deliver is the machine's. So a
 * failing life is run again as a whole, several times.
 *
 * Every fourth life is calm: nothing fails and nothing changes, so nothing may be refused, cut, lost by a kill, or
 * fetched twice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import type { Random } from '../../src/world/world.ts';
import { seededRandom } from '../support/fake-world.ts';
import { ApplianceProcess } from './appliance-process.ts';
import { flipSomeBit } from './bit-rot.ts';
import { identify, judge, type Wish } from './judge.ts';
import { MoodyOrigin } from './moody-origin.ts';
import { type Moment, Truth } from './truth.ts';
import { view } from './viewer.ts';
import { CALM_PATHS, drawWish, PATHS, type PathKind, pick } from './wishes.ts';

const VIEWERS = 24;
const MIB = 2 ** 20;
const STALE_IF_ERROR_SEC = 8;
const LAST_MODIFIED_MS = Date.UTC(2026, 0, 1);

export interface LifeOptions {
  readonly seed: number;
  readonly life: number;
  readonly steps: number;
  /** Where volumes are made; a folder of its own is. */
  readonly folder: string;
  readonly onStep?: () => void;
}

export interface LifeReport {
  /** How many answers of each kind, and of each deed. */
  readonly counts: ReadonlyMap<string, number>;
}

/** @throws with what was wrong and how to run the life again */
export async function runLife(options: LifeOptions): Promise<LifeReport> {
  const life = new Life(options);
  try {
    return await life.run();
  } catch (error) {
    const { seed, life: number, steps } = options;
    throw new Error(`seed ${seed}, life ${number}: again with --replay ${seed}:${number}:${steps}`, { cause: error });
  } finally {
    await life.end();
  }
}

class Life {
  readonly #options: LifeOptions;
  readonly #random: Random;
  readonly #isCalm: boolean;
  readonly #paths: readonly PathKind[];
  readonly #truth = new Truth();
  readonly #origin: MoodyOrigin;
  readonly #folder: string;
  readonly #counts = new Map<string, number>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 * VIEWERS });
  #appliance: ApplianceProcess | undefined;
  #originUrl = '';
  /** Counts restarts; an answer that spans one may be cut. */
  #epoch = 0;
  #restart: Promise<void> | undefined;
  #hasFailingDisk = false;
  #stepsLeft: number;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#stepsLeft = options.steps;
    this.#random = seededRandom(options.seed * 10_007 + options.life);
    this.#isCalm = options.life % 4 === 3;
    this.#paths = this.#isCalm ? CALM_PATHS : PATHS;
    this.#origin = new MoodyOrigin(this.#truth, seededRandom(this.#random.next() * 2 ** 32));
    this.#folder = mkdtempSync(join(options.folder, 'oca-life-'));
  }

  async run(): Promise<LifeReport> {
    for (const kind of this.#paths) this.#replace(kind);
    this.#originUrl = await this.#origin.listen();
    await this.#start();
    const lives = Array.from({ length: VIEWERS }, (_, viewer) =>
      this.#viewer(seededRandom(this.#random.next() * 2 ** 32 + viewer)),
    );
    await Promise.all(lives);
    if (this.#isCalm) this.#demandOneFetchPerByte();
    await this.#demandRoom();
    return { counts: this.#counts };
  }

  async end(): Promise<void> {
    await this.#appliance?.end('kill');
    this.#agent.destroy();
    this.#origin.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #viewer(random: Random): Promise<void> {
    while (this.#stepsLeft > 0) {
      this.#stepsLeft -= 1;
      await this.#restart;
      await this.#step(random);
      this.#options.onStep?.();
    }
  }

  #step(random: Random): Promise<void> {
    const deed = random.next();
    if (deed < 0.0002) return this.#startAgain(random.next() < 0.5 ? 'stop' : 'kill');
    if (deed < 0.001) return this.#demandRoom();
    if (!this.#isCalm) {
      if (deed < 0.006) return this.#change(random);
      if (deed < 0.009) return this.#purge(pick(random, this.#paths).path);
      if (deed < 0.012) return this.#skip(random.next() * 5000);
      if (deed < 0.015) return this.#rot(random);
      if (deed < 0.0165) return this.#changeMood(random);
    }
    return this.#ask(drawWish(random, this.#truth, this.#paths, !this.#isCalm));
  }

  async #ask(wish: Wish): Promise<void> {
    const { path } = wish;
    const epoch = this.#epoch;
    const began = this.#truth.moment(path);
    const seen = await view(this.#appliance?.url ?? '', wish, this.#agent);
    const isExcused = !this.#isCalm || epoch !== this.#epoch;
    if (seen.end !== 'complete') {
      if (!isExcused) this.#fail(wish, `${seen.end} though nothing failed`);
      return this.#count(seen.end);
    }
    const noCache = wish.headers['cache-control'] === 'no-cache';
    const allowed = this.#truth.allowed(path, began, { noCache, originMayFail: !this.#isCalm });
    const verdict = judge(wish, seen.answer, allowed, isExcused);
    if (verdict.wrong !== undefined)
      this.#fail(wish, verdict.wrong, began, identify(wish, seen.answer, this.#truth.generations(path)));
    this.#count(verdict.kind);
  }

  #fail(wish: Wish, what: string, began?: Moment, isOf: readonly number[] = []): never {
    const { method, path, headers } = wish;
    const ends = this.#truth
      .generations(path)
      .slice(-6)
      .map(({ number, endMs, etag }) => `${number} ${etag ?? '-'} until ${endMs.toFixed(0)}`);
    throw new Error(
      `${method} ${path} ${JSON.stringify(headers)}: ${what}; it is of ${isOf.join(', ') || 'none'}.\n` +
        `began ${began?.lateMs.toFixed(0)}, last purge ${began?.purgedAtMs.toFixed(0)}, now ${this.#truth.earlyMs.toFixed(0)}\n` +
        `generations: ${ends.join('; ')}`,
    );
  }

  #change(random: Random): Promise<void> {
    const gone = this.#paths.find(({ path }) => this.#truth.current(path).bytes === undefined);
    if (gone === undefined) this.#replace(pick(random, this.#paths), random.next() < 0.1);
    else this.#replace(gone);
    this.#count('changed');
    return Promise.resolve();
  }

  #replace(kind: PathKind, isGone = false): void {
    const { path, sizes, tag, cacheControl, lingersMs } = kind;
    const number = this.#truth.generations(path).length + 1;
    const name = `"${path.slice(1)}-${number}"`;
    this.#truth.replace(path, {
      etag: tag === 'strong' ? name : tag === 'weak' ? `W/${name}` : undefined,
      lastModified: tag === 'date' ? new Date(LAST_MODIFIED_MS + number * 120_000).toUTCString() : undefined,
      cacheControl,
      lingersMs,
      lingersOnErrorMs: cacheControl === 'no-store' ? 0 : lingersMs + STALE_IF_ERROR_SEC * 1000,
      content: isGone ? undefined : { start: this.#random.next(), sizeBytes: pick(this.#random, sizes) },
    });
  }

  async #purge(path: string): Promise<void> {
    const beganMs = this.#truth.lateMs;
    // A purge that was not acknowledged promises nothing.
    const isDone = await (this.#appliance?.purge(path) ?? Promise.resolve(false)).catch(() => false);
    if (isDone) this.#truth.purged(path, beganMs);
    this.#count(isDone ? 'purged' : 'purge failed');
  }

  async #skip(ms: number): Promise<void> {
    this.#truth.skipBegins(ms);
    await this.#appliance?.tell({ kind: 'skip', ms });
    this.#truth.skipEnds(ms);
    this.#count('skipped');
  }

  #rot(random: Random): Promise<void> {
    this.#count(flipSomeBit(this.#folder, random) ? 'bit flipped' : 'no bit to flip');
    return Promise.resolve();
  }

  async #changeMood(random: Random): Promise<void> {
    // Mostly few: an origin that fails often is asked seldom, and then little is tried.
    this.#origin.faultShare = random.next() ** 4 * 0.25;
    this.#hasFailingDisk = random.next() < 0.3;
    const share = this.#hasFailingDisk ? random.next() * 0.3 : 0;
    await this.#appliance?.tell({ kind: 'fail-disks', reads: share, writes: share });
    this.#count('mood changed');
  }

  async #startAgain(how: 'stop' | 'kill'): Promise<void> {
    if (this.#restart !== undefined) return;
    this.#restart = (async () => {
      const held = this.#isCalm ? await this.#heldBlocks() : [];
      this.#epoch += 1;
      await this.#appliance?.end(how);
      await this.#start();
      this.#epoch += 1;
      const after = this.#isCalm ? await this.#heldBlocks() : [];
      for (const [index, blocks] of held.entries()) {
        if ((after[index] ?? 0) < blocks)
          throw new Error(`${how} lost blocks of ${this.#paths[index]?.path}: ${after[index]} of ${blocks} left`);
      }
    })();
    try {
      await this.#restart;
    } finally {
      this.#restart = undefined;
    }
    this.#count(how);
  }

  #heldBlocks(): Promise<number[]> {
    return Promise.all(this.#paths.map(async ({ path }) => (await this.#appliance?.heldBlocks(path)) ?? 0));
  }

  async #start(): Promise<void> {
    this.#hasFailingDisk = false;
    this.#appliance = await ApplianceProcess.start({
      id: 'model',
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      origin: this.#originUrl,
      volume: [join(this.#folder, 'one'), join(this.#folder, 'two')],
      state: join(this.#folder, 'state'),
      volumeCapacityBytes: this.#isCalm ? 256 * MIB : 9 * MIB,
      memoryBytes: 3 * MIB,
      readAheadBlocks: 2,
      staleIfErrorSec: STALE_IF_ERROR_SEC,
      sourceHeadTimeoutMs: this.#isCalm ? 20_000 : 250,
      sourceIdleTimeoutMs: this.#isCalm ? 20_000 : 250,
    });
  }

  /** Evictions keep what is stored under what was configured. */
  async #demandRoom(): Promise<void> {
    const epoch = this.#epoch;
    const use = await this.#appliance?.use().catch(() => undefined);
    if (use === undefined || epoch !== this.#epoch) return;
    if (use.usedBytes > use.capacityBytes)
      throw new Error(`${use.usedBytes} bytes are stored, and ${use.capacityBytes} may be`);
    this.#count('room looked at');
  }

  /**
   * Nothing changed, failed, expired or was evicted: then no byte comes twice, unless a kill took it on its way.
   */
  #demandOneFetchPerByte(): void {
    if (this.#epoch > 0) return;
    for (const { path } of this.#paths) {
      const { etag, bytes } = this.#truth.current(path);
      const sent = this.#origin.sentBytes.get(`${path} ${etag}`) ?? 0;
      if (sent > (bytes?.length ?? 0))
        throw new Error(`${path}: ${sent} bytes were fetched of a file of ${bytes?.length}`);
    }
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}
