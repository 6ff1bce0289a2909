import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf, OperationalError } from '../../../src/errors/operational-error.ts';
import { diskFailure, errnoOf } from '../volume/data-file.ts';
import { replaceDurably } from './durable-file.ts';

const knownVolumeSchema = z.object({
  dir: z.string(),
  uuid: z.string(),
  /** Its identity is still to be written: the volume is being added or re-initialised. */
  isNew: z.boolean(),
  /** While it is new: what is found there goes. */
  erases: z.boolean(),
  /** As the operator gave it at run time; not there: what the configuration says. */
  capacityBytes: z.number().optional(),
  /** configuration: `--volume` named it; operator: it was added at run time. */
  from: z.enum(['configuration', 'operator']),
  isDraining: z.boolean(),
  /** The operator took it out: it is not opened, also where the configuration names it. */
  isRemoved: z.boolean(),
  /** Generations up to here are not believed when it comes back: what was removed meanwhile is no longer known. */
  untrustedToId: z.number().optional(),
});

/** What the appliance remembers of a volume, by its folder. */
export type KnownVolume = z.infer<typeof knownVolumeSchema>;

const fileSchema = z.object({
  version: z.literal(1),
  volumes: z.array(knownVolumeSchema),
  /** Every volume that ever was one of ours: it may come back in any folder. */
  uuids: z.array(z.string()),
});

const MAX_UUIDS = 1000;

/**
 * The appliance's memory of its volumes, in `volumes.json` of its state: which disk belongs to which folder, and what
 * the operator changed at run time. A change is durable before it is acted on, so a kill at any moment leaves either
 * what was or what is to be finished at the next start. Without a folder it remembers for as long as it lives.
 */
export class KnownVolumes {
  readonly #file: string | undefined;
  readonly #volumes = new Map<string, KnownVolume>();
  readonly #uuids = new Set<string>();
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDir: string | undefined) {
    this.#file = stateDir === undefined ? undefined : join(stateDir, 'volumes.json');
  }

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  async load(): Promise<void> {
    if (this.#file === undefined) return;
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw diskFailure(error, `read ${this.#file}`);
    }
    try {
      const { volumes, uuids } = fileSchema.parse(JSON.parse(text));
      for (const volume of volumes) this.#volumes.set(volume.dir, volume);
      for (const uuid of uuids) this.#uuids.add(uuid);
    } catch (error) {
      throw new OperationalError('STATE_CORRUPT', `${this.#file}: ${messageOf(error)}`, { cause: error });
    }
  }

  get(dir: string): KnownVolume | undefined {
    return this.#volumes.get(dir);
  }

  all(): KnownVolume[] {
    return [...this.#volumes.values()];
  }

  /** Whether a volume of this identity ever was one of ours. */
  knows(uuid: string): boolean {
    return this.#uuids.has(uuid);
  }

  /** Durable when it resolves. @throws OperationalError VOLUME_FULL, VOLUME_IO: then it is as before */
  async put(...volumes: readonly KnownVolume[]): Promise<void> {
    const before = volumes.map(({ dir }) => [dir, this.#volumes.get(dir)] as const);
    for (const volume of volumes) {
      this.#volumes.set(volume.dir, volume);
      // The newest last, so that the oldest goes when there are too many.
      this.#uuids.delete(volume.uuid);
      this.#uuids.add(volume.uuid);
    }
    for (const uuid of this.#uuids) {
      if (this.#uuids.size <= MAX_UUIDS) break;
      this.#uuids.delete(uuid);
    }
    try {
      await this.#write();
    } catch (error) {
      for (const [dir, volume] of before) {
        if (volume === undefined) this.#volumes.delete(dir);
        else this.#volumes.set(dir, volume);
      }
      throw diskFailure(error, `write ${this.#file}`);
    }
  }

  /** As `put`; undefined forgets the folder. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  async restore(dir: string, volume: KnownVolume | undefined): Promise<void> {
    if (volume !== undefined) return this.put(volume);
    this.#volumes.delete(dir);
    await this.#write().catch((error: unknown) => {
      throw diskFailure(error, `write ${this.#file}`);
    });
  }

  /** One write at a time, each with what is known when its turn comes. */
  #write(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return Promise.resolve();
    const written = this.#writing.then(async () => {
      const document = { version: 1, volumes: this.all(), uuids: [...this.#uuids] };
      await mkdir(dirname(file), { recursive: true });
      await replaceDurably(file, `${JSON.stringify(document, null, 2)}\n`);
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }
}
