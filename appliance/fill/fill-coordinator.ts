/**
 * Bytes on their way in. Whoever wants a block that is not held, a viewer or the plan, comes through here, and finds
 * the one fill of it that there is.
 *
 * The table of open objects is what makes "one" true: while anybody reads or fills a generation, it has one entry, and
 * that entry has at most one flight per block. A generation that the origin has replaced leaves the table at once, so
 * nobody new joins it; who reads it already goes on with what is held.
 */

import type { HttpClient } from '../../src/client/http-client.ts';
import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import { ShareBudget } from '../../src/resilience/share-budget.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { ApplianceConfig } from '../config.ts';
import type { ApplianceMetrics } from '../metrics.ts';
import { PurgeBarrier } from '../purge/purge-barrier.ts';
import { type ObjectDescription, targetOf } from '../store/object-description.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import type { BlockFiller, BlockFillResult, PlannedFile, PlannedFiles } from './block-filler.ts';
import type { BlockFlight } from './blocks/block-flight.ts';
import { BlockKeeper } from './blocks/block-keeper.ts';
import { DigestCheck, ObjectCheck } from './blocks/check-digest.ts';
import { LeasedObject } from './blocks/leased-object.ts';
import { type ObjectKeeper, ObjectLease, OpenObject } from './blocks/open-object.ts';
import type { FillSource } from './fill-source.ts';
import { strongValidator } from './origin/read-answer.ts';
import { describePlanned } from './planned-object.ts';
import { fetchBlocks } from './run/fetch-blocks.ts';
import type { NewObject, RunContext, RunOptions } from './run/fill-run.ts';
import { FillSlots } from './run/fill-slots.ts';
import { SourceTable } from './sources/source-table.ts';

export interface FillCoordinatorOptions extends Partial<Pick<RunContext, 'bans' | 'link' | 'traffic'>> {
  readonly config: ApplianceConfig;
  readonly store: ObjectStore;
  readonly http: HttpClient;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: ApplianceMetrics;
  readonly grant?: () => string | undefined;
}

/** What a purge met of what is open. */
export interface PurgedOpen {
  readonly objects: number;
  /** Blocks that are on their way; they come to their end for who waits for them. */
  readonly blocksOnTheirWay: number;
}

const UNKEPT_SHARE = 4;
const HEDGES = { perSec: 0, burst: 4 };

export class FillCoordinator implements BlockFiller, ObjectKeeper {
  /** Who, in the end, knows what there is. */
  readonly origin: FillSource;
  /** Whom a miss on demand is asked of: peers and the tier above, where there are any, then the origin. */
  readonly upstream: FillSource;
  /** What is being purged: whoever answers or asks passes it. */
  readonly purges = new PurgeBarrier();
  readonly #options: FillCoordinatorOptions;
  readonly #objects = new Map<string, OpenObject>();
  readonly #keeper: BlockKeeper;
  readonly #sources: SourceTable;
  readonly #context: RunContext;
  #planned: PlannedFiles | undefined;
  readonly #storeLog: FailureLog;
  readonly #runs = new Set<Promise<void>>();
  #isStopping = false;

  constructor(options: FillCoordinatorOptions) {
    const { config, world, logger, metrics, http, bans, link, traffic, grant = () => undefined } = options;
    this.#options = options;
    this.#storeLog = new FailureLog(logger, 'store blocks');
    this.#keeper = new BlockKeeper({
      metrics,
      storeLog: this.#storeLog,
      maxFills: config.maxFills,
      unkeptBytes: config.memoryBytes / UNKEPT_SHARE,
      onCame: (object, flight) => this.#checkWhole(object, flight),
    });
    const context = { http, world, logger, metrics, grant, bans, limits: config, ownId: config.id };
    this.#sources = new SourceTable(config, context);
    this.origin = this.#sources.origin;
    this.upstream = this.#sources.upstream;
    const meters = { metrics, bans, link, traffic };
    this.#context = {
      ...meters,
      clock: world.clock,
      logger,
      slots: new FillSlots(config.maxFills, config.sourceHeadTimeoutMs, world.clock),
      blockTimeoutMs: config.blockTimeoutMs,
      isStopping: () => this.#isStopping,
      hedges: new ShareBudget(
        { ...HEDGES, share: config.hedgeShare, burst: config.hedgeShare > 0 ? HEDGES.burst : 0 },
        world.clock.monotonicMs(),
      ),
      hedgesOrigin: config.hedgeOrigin,
      onChanged: (object) => this.#supersede(object),
      onWrong: (object, source, error) => this.#condemn(object, source, error),
      begin: (run) => this.#run(run),
    };
  }

  /** Paths found here are filled and checked as the plan says. Without it everything is filled on demand. */
  usePlan(planned: PlannedFiles): void {
    this.#planned = planned;
    planned.onPlan(() => this.#options.store.hide((description) => this.isOverruled(description)));
  }

  /** The object under a key, planned or held in part or whole; undefined when the origin has to be asked what it is. */
  find(key: string): ObjectLease | undefined {
    const file = this.#planned?.find(key);
    if (file !== undefined) return new ObjectLease(this.#openPlanned(file));
    const open = this.#openNow(key);
    if (open !== undefined) return new ObjectLease(open);
    const stored = this.#findStored(key);
    if (stored === undefined) return undefined;
    return new ObjectLease(this.#enter(stored, undefined, strongValidator(stored.description) !== undefined));
  }

  /** Whether the plan gives the path other content, though its manifest may not be here: no thread answers with this. */
  isOverruled({ key, manifestRoot }: ObjectDescription): boolean {
    return (this.#planned?.rootOf(key) ?? manifestRoot) !== manifestRoot;
  }

  /**
   * Begins a generation with what the origin just answered; it replaces the one before. Two questions about a cold file,
   * say for its head and for its first block, are answered one after the other: the second finds the generation there.
   * @throws OperationalError PURGED when it was purged while it was asked for
   */
  begin(fresh: NewObject): ObjectLease {
    fresh.passage?.check(fresh.description);
    const standing = this.#standing(fresh);
    if (standing !== undefined) return standing;
    this.purges.created(fresh.description.key);
    const stored = this.#options.store.create(fresh.description);
    const object = this.#enter(stored, undefined, fresh.fillsByRange);
    const lease = new ObjectLease(object);
    this.#feed(object, fresh);
    return lease;
  }

  /** The same generation, if it is there already and can go on with what came; its description is the fresh one then. */
  #standing(fresh: NewObject): ObjectLease | undefined {
    const { description, fillsByRange } = fresh;
    const lease = strongValidator(description) === undefined ? undefined : this.find(description.key);
    if (lease === undefined) return undefined;
    const { object } = lease;
    const isSame =
      object.planned === undefined &&
      object.description.etag === description.etag &&
      object.description.sizeBytes === description.sizeBytes &&
      strongValidator(object.description) === strongValidator(description);
    if (isSame && object.fillsByRange && fillsByRange) {
      object.stored.describe(description);
      this.#feed(object, fresh);
      return lease;
    }
    lease[Symbol.dispose]();
    return undefined;
  }

  /** Fills blocks from a body that is open, unless some of them are held or on their way: then it is not needed. */
  #feed(object: OpenObject, { body, wanted, fillsByRange }: NewObject): void {
    if (body === undefined || body.startByte >= body.endByte) return;
    const keepsAll = !fillsByRange;
    const firstBlock = keepsAll ? 0 : wanted.firstBlock;
    const lastBlock = keepsAll ? object.lastBlock : Math.min(object.lastBlock, wanted.lastBlock);
    const indexes = Array.from({ length: lastBlock - firstBlock + 1 }, (_, offset) => firstBlock + offset);
    if (!indexes.every((index) => object.lacks(index))) {
      body.discard?.();
      return;
    }
    const flights = indexes.map((index) => object.beginFlight(index));
    // Who answered goes on; the others stand by.
    const sources = fillsByRange
      ? [body.source, ...this.#sourcesOf(object).filter((source) => source !== body.source)]
      : [body.source];
    this.#run({ object, flights, sources, keepsAll, begun: body });
  }

  /**
   * Forgets what is held under a key, at once; who reads it already goes on. Resolves when that outlives a restart.
   * @returns whether there was something @throws OperationalError VOLUME_FULL, VOLUME_IO: it may come back with a restart
   */
  purge(key: string): Promise<boolean> {
    this.#objects.delete(key);
    return this.#options.store.remove(key);
  }

  /** Leaves open objects to those who read them, so that nobody finds them any more; what is stored of them stays. */
  purgeOpen(covers: (description: ObjectDescription) => boolean): PurgedOpen {
    const purged = [...this.#objects.values()].filter(({ description }) => covers(description));
    for (const { key } of purged) this.#objects.delete(key);
    return { objects: purged.length, blocksOnTheirWay: purged.reduce((sum, { flights }) => sum + flights.size, 0) };
  }

  /**
   * As `purge`, for what the origin has taken back. A disk that cannot make it durable is no failure of who asked: it
   * comes back with a restart at worst, and the origin is asked again then.
   */
  drop(key: string): void {
    this.#noteFailed(this.purge(key));
  }

  /** Begins no retries any more, and waits for the fills on their way, whose sources have been cut off. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    const { promise: isTime, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.world.clock.setTimer(deadlineMs, resolve);
    await Promise.race([Promise.allSettled(this.#runs), isTime]);
    timer.cancel();
  }

  openPlanned(file: PlannedFile): StoredObject {
    return new LeasedObject(new ObjectLease(this.#openPlanned(file)));
  }

  async fillPlannedBlock(
    stored: StoredObject,
    _file: PlannedFile,
    blockIndex: number,
    sources: readonly FillPlanSource[],
    signal: AbortSignal,
  ): Promise<BlockFillResult> {
    if (!(stored instanceof LeasedObject)) throw new Error('only objects of openPlanned are filled');
    const { object } = stored.lease;
    if (stored.holds(blockIndex)) return { kind: undefined, bytes: 0 };
    const asked = sources.map((source) => this.#sources.ofPlan(source));
    const kind = await this.#fillInBackground(object, blockIndex, asked, signal);
    return { kind, bytes: kind === undefined ? 0 : object.blockLengthBytes(blockIndex) };
  }

  /**
   * Fills a block again that a disk has lost; a viewer who wants it meanwhile joins. An object that comes only as a
   * whole cannot be mended: it is forgotten, so that the next viewer gets it anew from its first byte.
   * @returns whether it was filled: not when it is held or on its way, or the object is another one by now
   */
  async refill(description: ObjectDescription, blockIndex: number, signal: AbortSignal): Promise<boolean> {
    using lease = this.find(description.key);
    if (lease?.description.etag !== description.etag) return false;
    const { object } = lease;
    if (!object.lacks(blockIndex)) return false;
    if (object.planned === undefined && !object.fillsByRange) {
      this.#supersede(object);
      return false;
    }
    await this.#fillInBackground(object, blockIndex, this.#sourcesOf(object), signal);
    return true;
  }

  /** Resolves when the block is stored. @returns who gave it; undefined when somebody else's fill brought it */
  async #fillInBackground(
    object: OpenObject,
    blockIndex: number,
    sources: readonly FillSource[],
    signal: AbortSignal,
  ): Promise<FillSource['kind'] | undefined> {
    const joined = object.flights.get(blockIndex);
    const flight = joined ?? object.beginFlight(blockIndex, 'plan');
    const place = { next: blockIndex, last: blockIndex };
    object.enter(place);
    try {
      if (joined === undefined) this.#run({ object, flights: [flight], sources, keepsAll: false, planSignal: signal });
      await flight.whole(signal);
      await flight.kept;
    } finally {
      object.leave(place);
    }
    return joined === undefined ? flight.givenBy : undefined;
  }

  fill(object: OpenObject, firstBlock: number, lastBlock: number): void {
    if (object.planned === undefined && !object.fillsByRange) {
      this.#supersede(object);
      throw new OperationalError('SOURCE_CHANGED', `${object.key} can only be fetched as a whole`);
    }
    const flights: BlockFlight[] = [];
    for (let index = firstBlock; index <= lastBlock; index += 1) flights.push(object.beginFlight(index));
    this.#run({ object, flights, sources: this.#sourcesOf(object), keepsAll: false });
  }

  keep(object: OpenObject, flight: BlockFlight): Promise<void> {
    return this.#keeper.keep(object, flight);
  }

  unkept(object: OpenObject, blockIndex: number): Uint8Array | undefined {
    return this.#keeper.unkept(object, blockIndex);
  }

  closed(object: OpenObject): void {
    this.#keeper.forget(object);
    if (this.#objects.get(object.key) === object) this.#objects.delete(object.key);
  }

  /** Whom a viewer may have its blocks from. */
  #sourcesOf({ planned, key }: OpenObject): FillSource[] {
    return planned === undefined ? this.#sources.upstream.sourcesFor(targetOf(key)) : this.#sources.forViewer(planned);
  }

  #run(options: RunOptions): void {
    this.#context.hedges.requested();
    const run = fetchBlocks(options, this.#context).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  #enter(stored: StoredObject, planned: PlannedFile | undefined, fillsByRange: boolean): OpenObject {
    const { config, world } = this.#options;
    const patience = { clock: world.clock, maxMs: config.readerTimeoutMs };
    const { readAheadBlocks } = config;
    const isToBeChecked = planned === undefined && stored.heldBlocks < stored.blockCount;
    const digest = isToBeChecked ? DigestCheck.of(stored.description.headers['repr-digest']) : undefined;
    const check = digest === undefined ? undefined : new ObjectCheck(digest, stored.blockCount);
    const object = new OpenObject(stored, { planned, fillsByRange, keeper: this, readAheadBlocks, patience, check });
    this.#objects.set(object.key, object);
    return object;
  }

  #openPlanned(file: PlannedFile): OpenObject {
    const { path, root } = file.manifest;
    const open = this.#openNow(path);
    if (open?.planned?.manifest.root === root) {
      open.planned = file;
      return open;
    }
    const stored = this.#findStored(path);
    if (stored?.description.manifestRoot === root) return this.#enter(stored, file, true);
    stored?.[Symbol.dispose]();
    this.purges.created(path);
    const description = describePlanned(file.manifest, this.#options.world.clock.nowMs());
    return this.#enter(this.#options.store.create(description), file, true);
  }

  /** Who comes does not join what is on a disk that is being left: it is found, or filled, elsewhere. */
  #openNow(key: string): OpenObject | undefined {
    const open = this.#objects.get(key);
    if (open?.stored.isLeft !== true) return open;
    this.#objects.delete(key);
    return undefined;
  }

  /** What is stored under a key, unless a purge has not come to it yet. */
  #findStored(key: string): StoredObject | undefined {
    const stored = this.#options.store.find(key);
    if (stored === undefined || !this.purges.isToGo(stored.description)) return stored;
    const { description, heldBlocks, heldBytes } = stored;
    stored[Symbol.dispose]();
    const removal = this.purge(key);
    this.#noteFailed(removal);
    this.purges.takeAway({ description, heldBlocks, heldBytes, removal });
    return undefined;
  }

  #noteFailed(removal: Promise<boolean>): void {
    removal.catch((error: unknown) => {
      if (!isOperational(error)) throw error;
      this.#storeLog.failed(error);
    });
  }

  /** A block is here: if that is all, the whole is checked by the digest that came with it. */
  #checkWhole(object: OpenObject, flight: BlockFlight): void {
    const { check, stored } = object;
    const isHeld = stored.heldBlocks === stored.blockCount;
    if (check?.takes(flight.blockIndex, flight.bytes, isHeld) !== true) return;
    object.retain();
    const checking = check
      .conclude(stored)
      .then((isRight) => {
        if (isRight !== false) return;
        const error = new OperationalError('CHECKSUM_MISMATCH', `${object.key}: not what its Repr-Digest says`);
        this.#condemn(object, object.soleGiver, error);
      })
      .finally(() => {
        object.release();
        this.#runs.delete(checking);
      });
    this.#runs.add(checking);
  }

  /** Nobody gets more of what is not what it should be, and who gave it is remembered for that. */
  #condemn(object: OpenObject, source: FillSource | undefined, error: OperationalError): void {
    source?.health.gaveWrongBytes();
    this.#options.metrics.wrongBytes(source?.kind ?? 'origin');
    const { code, detail } = error;
    this.#options.logger.warn({ code, detail, source: source?.id }, 'wrong bytes came in: the object is thrown away');
    this.#supersede(object);
    object.condemn(error);
  }

  /** The origin has something else under this key now. */
  #supersede(object: OpenObject): void {
    this.#sources.upstream.overruled(targetOf(object.key));
    if (this.#objects.get(object.key) !== object) return;
    this.drop(object.key);
  }
}
