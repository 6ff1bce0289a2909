import { statfs } from 'node:fs/promises';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import { backoffMs } from '../../../src/resilience/backoff.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Timer, World } from '../../../src/world/world.ts';
import type { Generation } from '../generation.ts';
import type { VolumeState } from '../object-store.ts';
import { diskFailure } from '../volume/data-file.ts';
import { type OperationKind, VolumeHealth } from '../volume/volume-health.ts';
import { VolumeLayout } from '../volume/volume-layout.ts';
import type { VolumeOptions } from '../volume/volume-options.ts';
import { Volume } from '../volume.ts';
import { defaultBudgets } from './judge-volume.ts';
import type { KnownVolume } from './known-volumes.ts';
import { hasContent, keepCopy, readIdentity, removeErased } from './volume-identity.ts';
import { within } from './within.ts';

/**
 * The life of one volume, from `--volume` to its removal, over all the times that its disk comes and goes.
 *
 * Problem: a disk that fails must be left without anybody noticing, and be taken back without being trusted too soon.
 * Half-closed is where the harm lies: a lock that stays, a file that is removed though the disk came back with it, a
 * thread that hangs and is joined by another with every try.
 *
 * Idea: each opening of a disk is an object of its own (volume.ts) that is never opened again; what somebody still holds
 * of an earlier opening reads memory or nothing. The keeper looks at the disk every second. FAILING: nothing of it is
 * found any more, who reads finishes, for at least `drainMs`. OFFLINE: closed, lock given back. Then it is tried again,
 * later and later; after so many good tries in a row it is opened anew and the store learns what it holds. One try at a
 * time, and none while an operation of before has not come back: a disk that hangs holds its lane's threads, no more.
 *
 * Limits: a thread that hangs in the kernel cannot be ended; the lock of its index stays with it.
 */
export class VolumeKeeper {
  readonly dir: string;
  readonly health: VolumeHealth;
  readonly #options: VolumeKeeperOptions;
  readonly #logger: Logger;
  /** The opening that counts, or the last one that did. */
  #volume: Volume | undefined;
  #volumeIndex: number | undefined;
  #timer: Timer | undefined;
  #isEnded = false;
  /** What is being done to the volume as a whole: one thing at a time. */
  #work: Promise<void> | undefined;
  /** Calls of the file system that have not come back. */
  #calls = 0;
  #goodProbes = 0;
  #failedTries = 0;
  #nextTryMs = 0;
  #nextLookMs = 0;
  #nextProbeMs = 0;
  #freeBytes: number | undefined;
  #fileSystemBytes = 0;
  #nominalBytes = 0;
  #errorCount = 0;

  constructor(options: VolumeKeeperOptions) {
    const { world, logger, dir, policy, metrics } = options;
    this.dir = dir;
    this.#options = options;
    this.#logger = logger.child({ volume: dir });
    this.health = new VolumeHealth({
      clock: world.clock,
      logger: this.#logger,
      budgets: { ...defaultBudgets, hangMs: policy.hangMs },
      slowMs: policy.slowMs,
      onEnded: (operation: OperationKind, tookMs, isError) => {
        metrics.operationSeconds.observe({ volume: dir, operation }, tookMs / 1000);
        if (!isError) return;
        this.#errorCount += 1;
        metrics.operationErrors.inc({ volume: dir, operation });
      },
    });
  }

  get isOpen(): boolean {
    return this.#volume !== undefined && this.health.state !== 'offline';
  }

  /** Whether new objects may be put here. */
  get takesNew(): boolean {
    return this.health.state === 'online' && !this.#options.known().isDraining && this.#volume?.isFindable === true;
  }

  /** By which keys are spread: what it is meant to hold, which does not change while others fill the disk. */
  get weight(): number {
    return this.#nominalBytes;
  }

  get volumeIndex(): number | undefined {
    return this.#volumeIndex;
  }

  describe(): VolumeState {
    const { uuid, isDraining } = this.#options.known();
    const reason = this.health.reason;
    return {
      uuid,
      dir: this.dir,
      state: this.health.state,
      writes: this.health.writes,
      ...(reason === undefined ? {} : { reason }),
      isDraining,
      capacityBytes: this.#volume?.space.capacityBytes ?? 0,
      usedBytes: this.isOpen ? (this.#volume?.space.occupiedBytes ?? 0) : 0,
      ...(this.#freeBytes === undefined ? {} : { freeBytes: this.#freeBytes }),
      objectCount: this.isOpen ? (this.#volume?.space.objectCount ?? 0) : 0,
      errorCount: this.#errorCount,
      scrub: this.isOpen ? this.#volume?.scrub?.progress() : undefined,
      viewerWaitMs: this.#volume?.viewerWaitMs ?? 0,
    };
  }

  /**
   * Opens it, and watches it from now on. A disk that does not work is no error: it is tried again.
   * @throws OperationalError STATE_IN_USE, STATE_CORRUPT: somebody has to act
   */
  async open(): Promise<void> {
    if (this.#timer === undefined) this.#tickAgain();
    // The first try needs no good ones before it.
    this.#goodProbes = this.#options.policy.goodProbes;
    const failure = await this.#exclusively(() => this.#try());
    if (isOperational(failure, 'STATE_IN_USE') || isOperational(failure, 'STATE_CORRUPT')) throw failure;
  }

  /** Lets who reads finish, as long as a failing disk would, and closes it. */
  async leave(why: string): Promise<void> {
    this.health.broke(why);
    const { clock } = this.#options.world;
    const endMs = clock.monotonicMs() + this.#options.policy.drainMs;
    while (this.#volume?.isHeld === true && this.health.answersReads && clock.monotonicMs() < endMs) {
      await clock.delay(Math.min(LEAVE_LOOK_MS, this.#options.policy.drainMs));
    }
    await this.#exclusively(() => this.#close(CLOSE_DEADLINE_MS, why));
  }

  /** What its index was told before is durable. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  async flush(): Promise<void> {
    await this.#volume?.flush();
  }

  /** Ends for good: nothing is tried any more. */
  async end(deadlineMs: number): Promise<void> {
    this.#isEnded = true;
    this.#timer?.cancel();
    await this.#exclusively(() => this.#close(deadlineMs, 'the appliance stops'));
  }

  /** @returns what the work said was wrong */
  async #exclusively(work: () => Promise<OperationalError | undefined | void>): Promise<OperationalError | undefined> {
    while (this.#work !== undefined) await this.#work;
    let failure: OperationalError | undefined;
    this.#work = work().then((said) => {
      failure = said ?? undefined;
    });
    try {
      await this.#work;
    } finally {
      this.#work = undefined;
    }
    return failure;
  }

  #tickAgain(): void {
    const { policy, world } = this.#options;
    this.#timer = world.clock.setTimer(Math.min(TICK_MS, policy.probeIntervalMs), () => {
      if (this.#isEnded) return;
      this.#tick();
      this.#tickAgain();
    });
  }

  #tick(): void {
    this.health.judge();
    if (this.#work !== undefined) return;
    const nowMs = this.#options.world.clock.monotonicMs();
    switch (this.health.state) {
      case 'offline':
        if (nowMs >= this.#nextTryMs) void this.#exclusively(() => this.#try());
        break;
      case 'failing':
        if (!this.health.answersReads) this.#volume?.cutOff(this.health.reason ?? '');
        if (this.health.lastsMs >= this.#options.policy.drainMs) {
          const why = this.health.reason ?? '';
          void this.#exclusively(() => this.#close(CLOSE_DEADLINE_MS, why));
        }
        break;
      default:
        if (this.health.needsProbe && nowMs >= this.#nextProbeMs) void this.#probe();
        if (nowMs >= this.#nextLookMs) void this.#look();
    }
  }

  /** One try to take it back, or to open it. */
  async #try(): Promise<OperationalError | undefined> {
    const { policy, world } = this.#options;
    if (this.#isEnded || this.isOpen) return undefined;
    try {
      if (this.health.runningCount > 0)
        throw new OperationalError('VOLUME_IO', `${this.dir}: operations of before hang`);
      await this.#call('look which volume is here', () => this.#options.settle(this.dir));
      if (this.#goodProbes >= policy.goodProbes) {
        await this.#load();
        this.#failedTries = 0;
        return undefined;
      }
      await this.#call('try', () => this.#tryToWrite());
      this.#goodProbes += 1;
      this.#nextTryMs = world.clock.monotonicMs() + policy.probeIntervalMs;
      return undefined;
    } catch (error) {
      const failure = diskFailure(error, `open ${this.dir}`);
      this.#options.unclaim(this.dir);
      this.#goodProbes = 0;
      this.#failedTries += 1;
      const limits = { firstMs: policy.probeIntervalMs, maxMs: policy.probeIntervalMs * BACKOFF_MOST };
      this.#nextTryMs = world.clock.monotonicMs() + backoffMs(this.#failedTries, limits, world.random.next());
      if (this.health.reason !== failure.detail) this.#logger.warn({ error: failure }, 'volume cannot be opened');
      this.health.left(failure.detail);
      return failure;
    }
  }

  async #tryToWrite(): Promise<void> {
    // Nothing to write to where nothing was kept yet.
    if (await hasContent(this.dir)) await new VolumeLayout(this.dir).probe(PROBE_BYTES);
  }

  async #load(): Promise<void> {
    await this.#call('ask for its size', () => this.#measure());
    const volumeIndex = this.#options.nextIndex();
    const { createPolicy, onViewerRead, policy } = this.#options;
    const volume = new Volume({
      ...this.#options,
      capacityBytes: 0,
      lowShare: Math.min(1, policy.lowShare / policy.highShare),
      health: this.health,
      policy: createPolicy(),
      volumeIndex,
      onViewerRead: (latencyMs) => onViewerRead(this.dir, latencyMs),
    });
    const generations = await volume.open();
    if (this.#isEnded) return volume.close(CLOSE_DEADLINE_MS);
    const before = this.#volumeIndex;
    this.#volume = volume;
    this.#volumeIndex = volumeIndex;
    this.#nominalBytes = this.#capacityAsMeant(volume);
    this.#fitCapacity();
    this.health.opened();
    this.#nextLookMs = this.#options.world.clock.monotonicMs() + LOOK_MS;
    await this.#options.onOpened({ volume, volumeIndex, before, generations });
    await this.#call('keep a copy of its identity', () => keepCopy(this.dir, this.#options.known())).catch(
      (error: unknown) => this.#logger.warn({ error }, 'volume has no copy of its identity'),
    );
    removeErased(this.dir).catch((error: unknown) => this.#logger.warn({ error }, 'what was erased still takes room'));
  }

  async #close(deadlineMs: number, why: string): Promise<void> {
    const volume = this.#volume;
    if (volume === undefined || this.health.state === 'offline') return;
    this.health.left(why);
    this.#goodProbes = 0;
    this.#failedTries = 0;
    this.#nextTryMs = this.#options.world.clock.monotonicMs() + this.#options.policy.probeIntervalMs;
    await volume.close(deadlineMs);
    this.#options.unclaim(this.dir);
  }

  async #probe(): Promise<void> {
    const { clock } = this.#options.world;
    this.#nextProbeMs = Number.POSITIVE_INFINITY;
    try {
      await this.#volume?.probe();
      this.health.recovered();
    } catch (error) {
      this.#logger.debug({ error }, 'volume is still in trouble');
    } finally {
      this.#nextProbeMs = clock.monotonicMs() + this.#options.policy.probeIntervalMs;
    }
  }

  /** Whether it is still the same disk, and how much room is left on it. */
  async #look(): Promise<void> {
    const { clock } = this.#options.world;
    this.#nextLookMs = Number.POSITIVE_INFINITY;
    const { uuid } = this.#options.known();
    try {
      const found = await this.#call('look at it', async () => {
        await this.#measure();
        return readIdentity(this.dir, {
          believes: (copy) => copy === uuid,
          onRepaired: () => this.#logger.warn({}, 'volume.json was damaged: it is written anew from its copy'),
        });
      });
      if (found?.uuid !== uuid) this.health.broke(`the disk that was here (${uuid}) is not mounted any more`);
      else this.#fitCapacity();
    } catch (error) {
      this.#logger.debug({ error }, 'volume could not be looked at');
    } finally {
      this.#nextLookMs = clock.monotonicMs() + LOOK_MS;
    }
  }

  /** As an operation of the disk, and one at a time: a call that hangs must not be followed by others. */
  #call<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (this.#calls > 0) {
      return Promise.reject(new OperationalError('VOLUME_IO', `${this.dir}: an earlier try has not come back`));
    }
    this.#calls += 1;
    const called = call().finally(() => {
      this.#calls -= 1;
    });
    return within(this.#options.world.clock, CALL_MS, `${what}: ${this.dir}`, called);
  }

  async #measure(): Promise<void> {
    const { bavail, blocks, bsize } = await statfs(this.dir);
    this.#freeBytes = bavail * bsize;
    this.#fileSystemBytes = blocks * bsize;
  }

  #capacityAsMeant(volume: Volume): number {
    const { policy } = this.#options;
    const given = this.#options.known().capacityBytes ?? policy.capacityBytes;
    if (given > 0) return given;
    return Math.floor(AUTOMATIC_SHARE * ((this.#freeBytes ?? 0) + volume.space.occupiedBytes));
  }

  /** Others may fill the disk: what they take is not ours to use, and a reserve is kept free. */
  #fitCapacity(): void {
    const { policy } = this.#options;
    const reserveBytes = Math.min(policy.reserveBytes, this.#fileSystemBytes * MOST_RESERVE_SHARE);
    const occupiedBytes = this.#volume?.space.occupiedBytes ?? 0;
    const possibleBytes = occupiedBytes + (this.#freeBytes ?? 0) - reserveBytes;
    this.#volume?.setCapacity(Math.floor(Math.min(this.#nominalBytes * policy.highShare, possibleBytes)));
  }
}

const TICK_MS = 1000;
const LOOK_MS = 10_000;
const LEAVE_LOOK_MS = 50;
const CALL_MS = 10_000;
const CLOSE_DEADLINE_MS = 5000;
const PROBE_BYTES = 65_536;
/** Tries become rarer up to so many times the first wait. */
const BACKOFF_MOST = 12;
const AUTOMATIC_SHARE = 0.9;
/** A small file system must not be all reserve. */
const MOST_RESERVE_SHARE = 0.05;

/** What all volumes of an appliance go by. */
export interface VolumePolicy {
  /** Of a volume whose operator gave none; 0 takes most of what is free. */
  readonly capacityBytes: number;
  /** Kept free on the file system, but no more than a twentieth of it. */
  readonly reserveBytes: number;
  /** Above this share of the capacity eviction begins, and it goes down to `lowShare`. */
  readonly highShare: number;
  readonly lowShare: number;
  readonly slowMs: number;
  readonly hangMs: number;
  readonly drainMs: number;
  readonly probeIntervalMs: number;
  /** So many good tries in a row take a volume back. */
  readonly goodProbes: number;
}

export interface OpenedVolume {
  readonly volume: Volume;
  readonly volumeIndex: number;
  /** Of the opening before; what was known of it is known anew. */
  readonly before: number | undefined;
  /** By rising id. */
  readonly generations: readonly Generation[];
}

export interface VolumeKeeperOptions {
  readonly dir: string;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: VolumeOptions['metrics'];
  readonly policy: VolumePolicy;
  readonly useFlushIntervalMs: number;
  readonly onViewerRead: (dir: string, latencyMs: number) => void;
  readonly onLost: VolumeOptions['onLost'];
  readonly durability: VolumeOptions['durability'];
  readonly createPolicy: () => VolumeOptions['policy'];
  readonly scrub: VolumeOptions['scrub'];
  readonly known: () => KnownVolume;
  /** Makes sure which disk is in the folder, and that no other keeper has it. @throws OperationalError */
  readonly settle: (dir: string) => Promise<void>;
  readonly unclaim: (dir: string) => void;
  readonly nextIndex: () => number;
  readonly isPinned: VolumeOptions['isPinned'];
  /** Resolves when the store knows all that the volume holds. */
  readonly onOpened: (opened: OpenedVolume) => Promise<void>;
  readonly onForgotten: (generation: Generation) => void;
}
