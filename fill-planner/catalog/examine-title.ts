import { OperationalError } from '../../src/errors/operational-error.ts';
import { type Checkpoint, examineFile, type FileFacts } from './media/examine-file.ts';
import { noSuchFile, type TitleSource } from './source/title-source.ts';

/**
 * What earlier readings of a title found, kept from crash to crash. A title of 100 GB is read for an hour; whatever
 * ends that hour, the next attempt goes on where this one stood: finished files are not opened again, a half-read one
 * is read from its last checkpoint. A file is the same when its source gives the same validator (change time and inode,
 * entity tag), so what changed meanwhile is read anew.
 */
export interface ReadingNotes {
  find(titlePath: string): KnownFile | undefined;
  keepFinished(titlePath: string, validator: string, facts: FileFacts): void;
  keepCheckpoint(titlePath: string, validator: string, checkpoint: Checkpoint): void;
}

export interface KnownFile {
  readonly validator: string;
  readonly facts: FileFacts | undefined;
  readonly checkpoint: Checkpoint | undefined;
}

export interface IngestProgress {
  readonly path: string;
  readonly doneFileCount: number;
  readonly fileCount: number;
  /** Of all files so far. */
  readonly doneBytes: number;
  /** Of these, how many an earlier reading knew. */
  readonly knownBytes: number;
  /** 0 to 1: files that are done, and what is done of those that are being read, each alike, manifests apart. */
  readonly doneShare: number;
}

export interface ExamineTitleOptions {
  readonly maxFileBytes: number;
  readonly maxTitleBytes: number;
  readonly signal: AbortSignal;
  /** What earlier readings of this title found; without, every file is read. */
  readonly notes?: ReadingNotes | undefined;
  onProgress(progress: IngestProgress): void;
}

/** Files read at once: on a web server each begins with a round trip. */
const LANES = 4;

/** Every file once, a few at a time; the first failure ends the others. */
export async function examineTitle(
  source: TitleSource,
  titlePaths: readonly string[],
  texts: ReadonlyMap<string, Buffer>,
  options: ExamineTitleOptions,
): Promise<Map<string, FileFacts>> {
  const facts = new Map<string, FileFacts>();
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const waiting = titlePaths.values();
  let doneBytes = 0;
  let knownBytes = 0;
  let doneFiles = 0;
  const mediaCount = Math.max(1, titlePaths.length - texts.size);
  const takeFiles = async (): Promise<void> => {
    for (const titlePath of waiting) {
      signal.throwIfAborted();
      let ofFileBytes = 0;
      let ofFileShare = 0;
      const onProgress = (fileBytes: number, fileShare: number): void => {
        doneBytes += fileBytes - ofFileBytes;
        ofFileBytes = fileBytes;
        doneFiles += fileShare - ofFileShare;
        ofFileShare = fileShare;
        if (doneBytes > options.maxTitleBytes)
          throw new OperationalError('MEDIA_BROKEN', `the title is over the limit of ${options.maxTitleBytes} bytes`);
        const fileCount = titlePaths.length;
        const doneShare = doneFiles / mediaCount;
        options.onProgress({ path: titlePath, doneFileCount: facts.size, fileCount, doneBytes, knownBytes, doneShare });
      };
      const onKnown = (bytes: number): void => {
        knownBytes += bytes;
      };
      const text = texts.get(titlePath);
      const examined = await examine(source, titlePath, text, { ...options, signal, onProgress, onKnown });
      // Manifests were read before anything is counted.
      onProgress(examined.sizeBytes, text === undefined ? 1 : 0);
      facts.set(titlePath, examined);
    }
  };
  const lanes = Array.from({ length: LANES }, async () => {
    try {
      await takeFiles();
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(lanes);
  // The first failure aborted the others, with itself as the reason.
  failed.signal.throwIfAborted();
  // In the order of the manifests, not of their arrival.
  return new Map(
    titlePaths.flatMap((titlePath) => {
      const examined = facts.get(titlePath);
      return examined === undefined ? [] : [[titlePath, examined] as const];
    }),
  );
}

type FileOptions = Omit<ExamineTitleOptions, 'onProgress'> & {
  /** Of this file. */
  onProgress(doneBytes: number, doneShare: number): void;
  /** Bytes that need not be read again. */
  onKnown(bytes: number): void;
};

async function examine(
  source: TitleSource,
  titlePath: string,
  manifestText: Buffer | undefined,
  options: FileOptions,
): Promise<FileFacts> {
  const { notes, maxFileBytes, signal } = options;
  const limits = { path: titlePath, maxBytes: maxFileBytes };
  if (manifestText !== undefined) return examineFile([manifestText], { ...limits, onProgress: () => undefined });
  const known = await stillKnown(source, titlePath, options);
  if (known?.facts !== undefined) {
    options.onKnown(known.facts.sizeBytes);
    return known.facts;
  }
  const resumed = known?.checkpoint;
  if (resumed !== undefined) options.onKnown(resumed.doneBytes);
  const from = known === undefined ? undefined : { startByte: resumed?.doneBytes ?? 0, validator: known.validator };
  const opened = await source.open(titlePath, signal, from);
  if (opened === undefined) throw noSuchFile(titlePath);
  const { sizeBytes } = opened;
  try {
    if ((sizeBytes ?? 0) > maxFileBytes)
      throw new OperationalError('MEDIA_BROKEN', `${titlePath}: over the limit of ${maxFileBytes} bytes`);
    const { validator } = opened;
    const facts = await examineFile(opened.chunks, {
      ...limits,
      resumed,
      onProgress: (bytes) => options.onProgress(bytes, sizeBytes === undefined ? 0 : bytes / sizeBytes),
      onCheckpoint: (checkpoint) => {
        if (validator !== undefined) notes?.keepCheckpoint(titlePath, validator, checkpoint);
      },
    });
    if (validator !== undefined) notes?.keepFinished(titlePath, validator, facts);
    return facts;
  } finally {
    opened.close();
  }
}

async function stillKnown(
  source: TitleSource,
  titlePath: string,
  { notes, signal }: FileOptions,
): Promise<KnownFile | undefined> {
  const known = notes?.find(titlePath);
  if (known === undefined) return undefined;
  return (await source.identify(titlePath, signal)) === known.validator ? known : undefined;
}
