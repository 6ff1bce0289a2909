import { isAbsolute, resolve } from 'node:path';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import { rankNodes } from '../../../src/hashing/weighted-rendezvous.ts';
import type { Timer } from '../../../src/world/world.ts';
import type { AddVolume, VolumeAdmin, VolumeState } from '../object-store.ts';
import type { Volume } from '../volume.ts';
import { checkThreads } from './check-threads.ts';
import { type KnownVolume, KnownVolumes } from './known-volumes.ts';
import { lookBeforeAdding, settleIdentity } from './settle-identity.ts';
import { Tombstones } from './tombstones.ts';
import { type OpenedVolume, VolumeKeeper } from './volume-keeper.ts';
import type { VolumeSetOptions } from './volume-set-options.ts';
import { within } from './within.ts';

/**
 * The volumes of an appliance: those that its configuration names and those that the operator added, less those that he
 * removed. What he did at run time is remembered in the state before it is done, so that it survives a restart and a
 * kill leaves nothing half done: a volume that is being added or re-initialised is finished at the next start.
 *
 * A key belongs to the volume that weighted rendezvous hashing of its identity says; a volume that comes or goes moves
 * nobody else's keys, and neither does a disk that moves to another folder.
 */
export class VolumeSet implements VolumeAdmin {
  readonly #options: VolumeSetOptions;
  #known = new KnownVolumes(undefined);
  #tombstones = new Tombstones(undefined);
  #isRemembering = false;
  readonly #keepers = new Map<string, VolumeKeeper>();
  readonly #openings = new Map<number, Volume>();
  /** Folders whose volume is open, while the store has not learnt yet of all that is on it. */
  readonly #arriving = new Set<string>();
  /** Which folder has a volume open, by its identity. */
  readonly #claims = new Map<string, string>();
  #indexes = 0;
  #tidyTimer: Timer | undefined;
  /** One change by the operator at a time. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: VolumeSetOptions) {
    this.#options = options;
  }

  /**
   * Opens what there is. A volume that takes longer than START_PATIENCE_MS joins when it is ready.
   * A volume that is damaged is offline, with its reason, as long as another one serves.
   * @throws OperationalError STATE_IN_USE: somebody has to act; STATE_CORRUPT: and no volume can be used; VOLUME_FULL,
   *   VOLUME_IO of the state, and when no volume can be opened and none ever could
   */
  async start(): Promise<void> {
    const stateDir = this.#options.stateDir();
    this.#isRemembering = stateDir !== undefined;
    this.#known = new KnownVolumes(stateDir);
    this.#tombstones = new Tombstones(stateDir);
    await this.#known.load();
    await this.#tombstones.load();
    const configured = new Set(this.#options.volumes.map(({ dir }) => resolve(dir)));
    await this.#known.put(...[...configured].map((dir) => this.#merged(dir)));
    for (const known of this.#known.all()) {
      if (known.isRemoved) this.#sayRemoved(known, configured);
      else if (known.from === 'operator' || configured.has(known.dir)) this.#keep(known.dir);
    }
    checkThreads(this.#keepers.size, this.#options.logger);
    let isAnyDamaged = false;
    const opened = Promise.all(
      [...this.#keepers.values()].map((keeper) =>
        keeper.open().catch((error: unknown) => {
          if (!isOperational(error, 'STATE_CORRUPT')) throw error;
          isAnyDamaged = true;
        }),
      ),
    );
    // Said once: a failure after the patience ended leaves that volume offline, with its reason.
    opened.catch(() => undefined);
    const { clock } = this.#options.world;
    try {
      await within(clock, START_PATIENCE_MS, 'open the volumes', opened);
      if (isAnyDamaged) this.#refuseWhenNoneIsOpen('STATE_CORRUPT');
    } catch (error) {
      if (!isOperational(error, 'VOLUME_IO')) throw error;
      this.#options.logger.warn({ error }, 'started without volumes that are not ready yet');
    }
    this.#refuseWhenNothingEverWorked();
    this.#tidyAgain();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#tidyTimer?.cancel();
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.end(deadlineMs)));
  }

  /** The volume of an object; undefined when none took it. */
  opening(volumeIndex: number): Volume | undefined {
    return this.#openings.get(volumeIndex);
  }

  openings(): IterableIterator<[number, Volume]> {
    return this.#openings.entries();
  }

  /** The index of the volume for a new object; undefined when none takes any. */
  choose(key: string): number | undefined {
    const nodes = [...this.#keepers.values()]
      .filter((keeper) => keeper.takesNew)
      .map((keeper) => ({ id: this.#knownOf(keeper.dir).uuid, weight: keeper.weight, keeper }));
    const ranked = rankNodes(key, nodes).map(({ keeper }) => keeper);
    // A full volume is better than none: its writes are what finds out that there is room again.
    const chosen = ranked.find(({ health }) => health.writes === 'taken') ?? ranked[0];
    return chosen?.volumeIndex;
  }

  list(): VolumeState[] {
    return [...this.#keepers.values()].map((keeper) => keeper.describe());
  }

  /** Whether a volume whose objects are not known, or not all, may bring back what is removed now. */
  get isAnyAway(): boolean {
    return this.#known.all().some((known) => this.#isAway(known) && known.untrustedToId === undefined);
  }

  /** Whether what is remembered outlives this process. */
  get isRemembering(): boolean {
    return this.#isRemembering;
  }

  /**
   * What is removed now, up to a generation, will not come back with a volume that is away. Durable when it resolves.
   * @throws OperationalError VOLUME_FULL, VOLUME_IO
   */
  async remember(key: string, boundId: number): Promise<void> {
    if (this.#tombstones.isFull) return this.#distrust((known) => this.#isAway(known), boundId);
    await this.#tombstones.add(key, boundId);
  }

  /**
   * Nothing up to a generation is believed of the volumes that are away now, when they come back, as far as nobody here
   * knows what they hold. Durable when it resolves. @throws OperationalError VOLUME_FULL, VOLUME_IO
   */
  distrustAway(boundId: number): Promise<void> {
    return this.#distrust((known) => this.#isAway(known) && !this.#isLookedThrough(known), boundId);
  }

  async #distrust(isMeant: (known: KnownVolume) => boolean, boundId: number): Promise<void> {
    const meant = this.#known.all().filter((known) => isMeant(known));
    if (meant.length > 0) await this.#known.put(...meant.map((known) => ({ ...known, untrustedToId: boundId })));
  }

  /** What it held when it went is known by key. */
  #isLookedThrough({ dir }: KnownVolume): boolean {
    return this.#keepers.get(dir)?.volumeIndex !== undefined && !this.#arriving.has(dir);
  }

  /** Whether a generation that a volume brings was removed while it was away. */
  isRemoved(dir: string, key: string, id: number): boolean {
    return id <= (this.#known.get(dir)?.untrustedToId ?? -1) || this.#tombstones.covers(key, id);
  }

  add(request: AddVolume): Promise<VolumeState> {
    return this.#inTurn(() => this.#add(request));
  }

  setDraining(id: string, isDraining: boolean): Promise<VolumeState> {
    return this.#inTurn(async () => {
      const keeper = this.#keeperOf(id);
      const known = this.#knownOf(keeper.dir);
      if (known.isDraining !== isDraining) await this.#known.put({ ...known, isDraining });
      return keeper.describe();
    });
  }

  knows(id: string): boolean {
    return this.#find(id) !== undefined || this.#findRemoved(id) !== undefined;
  }

  remove(id: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#find(id) === undefined && this.#findRemoved(id) !== undefined) return;
      const keeper = this.#keeperOf(id);
      await this.#known.put({ ...this.#knownOf(keeper.dir), isRemoved: true, isDraining: false });
      await keeper.leave('the operator removed it');
      await keeper.end(0);
      this.#keepers.delete(keeper.dir);
      await this.#forgetOpening(keeper.volumeIndex);
      this.#options.metrics.forgetVolume(keeper.dir);
    });
  }

  reinit(id: string): Promise<VolumeState> {
    return this.#inTurn(async () => {
      const keeper = this.#keeperOf(id);
      const known = { ...this.#knownOf(keeper.dir), untrustedToId: undefined };
      const uuid = this.#options.world.random.uuid();
      await this.#known.put({ ...known, uuid, isNew: true, erases: true, isDraining: false });
      await keeper.leave('the operator re-initialises it');
      await this.#forgetOpening(keeper.volumeIndex);
      await keeper.open();
      return keeper.describe();
    });
  }

  removed(): string[] {
    return this.#known
      .all()
      .filter(({ isRemoved }) => isRemoved)
      .map(({ dir }) => dir);
  }

  async #add({ dir: given, capacityBytes, content }: AddVolume): Promise<VolumeState> {
    if (!isAbsolute(given)) throw new OperationalError('CONFIG_INVALID', `'${given}' is not an absolute path`);
    const dir = resolve(given);
    const open = this.#keepers.get(dir);
    if (open !== undefined) return open.describe();
    const before = this.#known.get(dir);
    const { uuid, ...how } = await within(
      this.#options.world.clock,
      CALL_MS,
      `look at ${dir}`,
      lookBeforeAdding(dir, content, (each) => this.#known.knows(each)),
    );
    const known: KnownVolume = {
      dir,
      uuid: uuid ?? this.#options.world.random.uuid(),
      ...how,
      ...(capacityBytes === undefined ? {} : { capacityBytes }),
      from: before?.from ?? 'operator',
      isDraining: false,
      isRemoved: false,
      ...(before?.untrustedToId === undefined ? {} : { untrustedToId: before.untrustedToId }),
    };
    await this.#known.put(known);
    const keeper = this.#keep(dir);
    try {
      await keeper.open();
      if (!keeper.isOpen) throw new OperationalError('VOLUME_IO', keeper.health.reason ?? dir);
    } catch (error) {
      await keeper.end(0);
      this.#keepers.delete(dir);
      this.#options.metrics.forgetVolume(dir);
      await this.#known.restore(dir, before);
      throw error;
    }
    checkThreads(this.#keepers.size, this.#options.logger);
    return keeper.describe();
  }

  /** What is known of a configured volume; what the operator gave at run time stays. */
  #merged(dir: string): KnownVolume {
    const known = this.#known.get(dir);
    if (known !== undefined) return { ...known, from: 'configuration' };
    const uuid = this.#options.world.random.uuid();
    return { dir, uuid, isNew: true, erases: false, from: 'configuration', isDraining: false, isRemoved: false };
  }

  #keep(dir: string): VolumeKeeper {
    const { policy, scrub } = this.#options;
    const configured = this.#options.volumes.find((each) => resolve(each.dir) === dir)?.capacityBytes ?? 0;
    const keeper = new VolumeKeeper({
      ...this.#options,
      dir,
      policy: configured > 0 ? { ...policy, capacityBytes: configured } : policy,
      scrub: scrub && { ...scrub, onFound: () => this.#hurryScrubs(dir) },
      known: () => this.#knownOf(dir),
      settle: (folder) => this.#settle(folder),
      unclaim: (folder) => this.#unclaim(folder),
      nextIndex: () => {
        this.#indexes += 1;
        return this.#indexes;
      },
      onOpened: (opened) => this.#opened(dir, opened),
    });
    this.#keepers.set(dir, keeper);
    return keeper;
  }

  /** A bad block on one disk is a reason to look at the others. */
  #hurryScrubs(exceptDir: string): void {
    for (const volume of this.#openings.values()) if (volume.dir !== exceptDir) volume.scrub?.hurry();
  }

  async #settle(dir: string): Promise<void> {
    const settled = await settleIdentity(
      this.#knownOf(dir),
      (uuid) => this.#known.knows(uuid),
      () => this.#options.logger.warn({ volume: dir }, 'volume.json was damaged: it is written anew from its copy'),
    );
    const other = this.#claims.get(settled.uuid);
    if (other !== undefined && other !== dir) {
      const detail = `volume ${settled.uuid} in ${dir} is open already from ${other}: one is a copy of the other`;
      throw new OperationalError('STATE_IN_USE', `${detail}; remove it, or re-initialise it`);
    }
    this.#claims.set(settled.uuid, dir);
    if (settled !== this.#known.get(dir)) await this.#known.put(settled);
  }

  #unclaim(dir: string): void {
    for (const [uuid, holder] of this.#claims) if (holder === dir) this.#claims.delete(uuid);
  }

  async #opened(dir: string, opened: OpenedVolume): Promise<void> {
    this.#arriving.add(dir);
    this.#openings.set(opened.volumeIndex, opened.volume);
    try {
      await this.#options.onOpened(dir, opened);
    } finally {
      this.#arriving.delete(dir);
    }
    if (opened.before !== undefined) this.#openings.delete(opened.before);
    void this.#tidy();
  }

  async #forgetOpening(volumeIndex: number | undefined): Promise<void> {
    if (volumeIndex === undefined) return;
    await this.#options.onGone(volumeIndex);
    this.#openings.delete(volumeIndex);
  }

  #isAway(known: KnownVolume): boolean {
    const keeper = this.#keepers.get(known.dir);
    return keeper === undefined || this.#arriving.has(known.dir) || !keeper.isOpen || !keeper.health.isFindable;
  }

  #tidyAgain(): void {
    this.#tidyTimer = this.#options.world.clock.setTimer(TIDY_MS, () => {
      void this.#tidy();
      this.#tidyAgain();
    });
  }

  /** Removals need not be remembered once every volume has forgotten what it had to, for good. */
  async #tidy(): Promise<void> {
    const distrusted = this.#known.all().filter((known) => known.untrustedToId !== undefined && !this.#isAway(known));
    if (this.#tombstones.size === 0 && distrusted.length === 0) return;
    const { size } = this.#tombstones;
    try {
      await Promise.all([...this.#keepers.values()].filter(({ isOpen }) => isOpen).map((keeper) => keeper.flush()));
      if (distrusted.length > 0) {
        await this.#known.put(...distrusted.map((known) => ({ ...known, untrustedToId: undefined })));
      }
      if (!this.isAnyAway && size === this.#tombstones.size) await this.#tombstones.clear();
    } catch (error) {
      this.#options.logger.debug({ error }, 'removals are remembered for longer');
    }
  }

  #keeperOf(id: string): VolumeKeeper {
    const keeper = this.#find(id);
    if (keeper !== undefined) return keeper;
    const there = [...this.#keepers.keys()].join(', ');
    throw new OperationalError(
      'CONFIG_INVALID',
      `there is no volume '${id}'; there are ${there === '' ? 'none' : there}`,
    );
  }

  #find(id: string): VolumeKeeper | undefined {
    return (
      this.#keepers.get(resolve(id)) ?? [...this.#keepers.values()].find(({ dir }) => this.#knownOf(dir).uuid === id)
    );
  }

  #findRemoved(id: string): KnownVolume | undefined {
    return this.#known.all().find(({ dir, isRemoved, uuid }) => isRemoved && (uuid === id || dir === resolve(id)));
  }

  #knownOf(dir: string): KnownVolume {
    const known = this.#known.get(dir);
    if (known === undefined) throw new Error(`nothing is known of ${dir}`);
    return known;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#changes.then(change);
    this.#changes = changed.catch(() => undefined);
    return changed;
  }

  /** A folder that is misspelt or not ours to write is for the operator; a disk that worked before may come back. */
  #refuseWhenNothingEverWorked(): void {
    if ([...this.#keepers.keys()].every((dir) => this.#knownOf(dir).isNew)) this.#refuseWhenNoneIsOpen('VOLUME_IO');
  }

  #refuseWhenNoneIsOpen(code: 'STATE_CORRUPT' | 'VOLUME_IO'): void {
    const keepers = [...this.#keepers.values()];
    if (keepers.length === 0 || keepers.some(({ isOpen }) => isOpen)) return;
    throw new OperationalError(code, keepers.map(({ dir, health }) => health.reason ?? dir).join('\n  '));
  }

  #sayRemoved({ dir }: KnownVolume, configured: ReadonlySet<string>): void {
    if (!configured.has(dir)) return;
    this.#options.logger.warn(
      { volume: dir },
      "volume is configured, but was removed at run time: 'oca volumes add' takes it back",
    );
  }
}

const START_PATIENCE_MS = 30_000;
const CALL_MS = 10_000;
const TIDY_MS = 30_000;
