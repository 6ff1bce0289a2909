import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { CatalogStore } from './catalog-store.ts';
import type { IngestProgress } from './examine-title.ts';
import { findRequests, type IngestRequest, planIngest, type SourceAccess, sourceForLog } from './ingest-request.ts';
import { ingestTitle } from './ingest-title.ts';
import { IntakeSlots } from './intake-slots.ts';

/**
 * Titles on their way into the catalogue, a few at a time: hashing is bound by the processor, web servers by their
 * round trips, and two or three titles keep both busy. A title that fails keeps nobody else out.
 */
export interface TitleIntakeParts extends SourceAccess {
  readonly catalog: CatalogStore;
  readonly logger: Logger;
  readonly maxFileBytes: number;
  readonly maxTitleBytes: number;
  /** Titles that are read at once. */
  readonly intakeTitles: number;
  /** Told of each title how it ended, and how many bytes of it were read, once known ones are taken off. */
  readonly onTitle: (outcome: IntakeOutcome, readBytes: number) => void;
}

export type IntakeOutcome = 'added' | 'unchanged' | 'refused' | 'stopped';

export interface TakenTitle {
  readonly id: string;
  readonly changed: boolean;
  readonly catalogueVersion: number;
  readonly durationMs: number;
  readonly sizeBytes: number;
  readonly fileCount: number;
  /** Ids. */
  readonly renditions: readonly string[];
  /** Bytes that an earlier reading knew. */
  readonly knownBytes: number;
}

export interface AllProgress {
  /** The title that moved. */
  readonly titleId: string;
  readonly doneTitleCount: number;
  readonly foundTitleCount: number;
  /** The source has been looked through. */
  readonly isFoundAll: boolean;
  readonly doneBytes: number;
}

export type TitleOutcome =
  | { readonly source: string; readonly taken: TakenTitle }
  | { readonly source: string; readonly failure: OperationalError };

export interface TakeAllOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: AllProgress) => void;
  readonly onTitle: (outcome: TitleOutcome) => void;
}

export class TitleIntake {
  readonly #parts: TitleIntakeParts;
  readonly #slots: IntakeSlots;

  constructor(parts: TitleIntakeParts) {
    this.#parts = parts;
    this.#slots = new IntakeSlots(parts.intakeTitles);
  }

  /** How many titles must end before one that comes now is read. */
  get aheadCount(): number {
    return this.#slots.aheadCount;
  }

  /**
   * Reads one title into the catalogue when its turn has come.
   * @param onTurn when it has
   * @throws OperationalError for why not; the signal's reason
   */
  take(
    request: IngestRequest,
    signal: AbortSignal,
    onProgress: (progress: IngestProgress) => void,
    onTurn?: () => void,
  ): Promise<TakenTitle> {
    return this.#slots.use(async () => {
      onTurn?.();
      let readBytes = 0;
      try {
        signal.throwIfAborted();
        const taken = await this.#read(request, signal, (progress) => {
          readBytes = progress.doneBytes - progress.knownBytes;
          onProgress(progress);
        });
        this.#parts.onTitle(taken.changed ? 'added' : 'unchanged', readBytes);
        return taken;
      } catch (error) {
        this.#parts.onTitle(signal.aborted ? 'stopped' : 'refused', readBytes);
        throw error;
      }
    });
  }

  /**
   * Takes in every title below the source of the request, reading while it is still being looked through.
   * @throws OperationalError when the source cannot be looked through; the signal's reason
   */
  async takeAll(request: IngestRequest, options: TakeAllOptions): Promise<void> {
    const running = new Set<Promise<void>>();
    const ids = new Set<string>();
    const progress = { doneTitleCount: 0, foundTitleCount: 0, isFoundAll: false, doneBytes: 0 };
    try {
      for await (const each of findRequests(request, this.#parts, options.signal)) {
        progress.foundTitleCount += 1;
        const work = this.#takeOne(each, ids, progress, options).finally(() => running.delete(work));
        // A failure is thrown below; here it must not end the process before.
        work.catch(() => undefined);
        running.add(work);
        if (running.size >= this.#parts.intakeTitles) await Promise.race(running);
      }
      progress.isFoundAll = true;
      await Promise.all(running);
    } finally {
      await Promise.allSettled(running);
    }
  }

  async #takeOne(
    request: IngestRequest,
    ids: Set<string>,
    progress: { -readonly [K in keyof Omit<AllProgress, 'titleId'>]: AllProgress[K] },
    { signal, onProgress, onTitle }: TakeAllOptions,
  ): Promise<void> {
    const titleId = request.id ?? '';
    let ofTitleBytes = 0;
    try {
      if (ids.has(titleId))
        throw new OperationalError(
          'CONFIG_INVALID',
          `another folder is called '${titleId}', too: add this one by hand`,
        );
      ids.add(titleId);
      const taken = await this.take(request, signal, ({ doneBytes }) => {
        progress.doneBytes += doneBytes - ofTitleBytes;
        ofTitleBytes = doneBytes;
        onProgress({ titleId, ...progress });
      });
      onTitle({ source: request.source, taken });
    } catch (error) {
      if (signal.aborted || !isOperational(error)) throw error;
      this.#parts.logger.warn({ error, source: sourceForLog(request) }, 'refused a title');
      onTitle({ source: request.source, failure: error });
    }
    progress.doneTitleCount += 1;
    onProgress({ titleId, ...progress });
  }

  async #read(
    request: IngestRequest,
    signal: AbortSignal,
    onProgress: (progress: IngestProgress) => void,
  ): Promise<TakenTitle> {
    const { catalog, world, logger, maxFileBytes, maxTitleBytes } = this.#parts;
    const { source, ...plan } = await planIngest(request, this.#parts);
    const notes = catalog.notesOf(plan.naming.id, source.description, () => world.clock.nowMs());
    notes.forgetAbandoned();
    if (request.reread === true) notes.forget();
    let knownBytes = 0;
    const onRead = (progress: IngestProgress): void => {
      knownBytes = progress.knownBytes;
      onProgress(progress);
    };
    try {
      const limits = { maxFileBytes, maxTitleBytes, signal };
      const ingested = await ingestTitle(source, { ...plan, ...limits, notes, onProgress: onRead });
      signal.throwIfAborted();
      notes.write();
      const change = catalog.put(ingested, world.clock.nowMs());
      const { id, durationMs, renditions } = ingested.title;
      const sizeBytes = renditions.reduce((sum, rendition) => sum + rendition.sizeBytes, 0);
      logger.info({ title: id, source: source.description, knownBytes, ...change }, 'took a title in');
      const fileCount = ingested.files.length;
      return {
        id,
        durationMs,
        sizeBytes,
        fileCount,
        knownBytes,
        renditions: renditions.map((each) => each.id),
        ...change,
      };
    } finally {
      // Whatever ended the reading: the next one goes on from here.
      notes.write();
    }
  }
}
