import { type CatalogueTitle, parseCatalogueSnapshot } from '../../src/contracts/catalogue-snapshot.ts';
import { ContractError } from '../../src/contracts/contract.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { assembleTitle, checkClaims, publicPath, type TitleNaming } from './assemble-title.ts';
import { type ManifestNames, type ReadManifests, readManifests } from './manifests/read-manifests.ts';
import { draftTitle, type PlaylistSegment, type RenditionDraft, type TitleDraft } from './manifests/title-draft.ts';
import { measureRendition, type RenditionMeasures } from './measure-rendition.ts';
import { examineFile, type FileFacts } from './media/examine-file.ts';
import { type MappedSegment, timedSegments } from './media/map-segments.ts';
import { noSuchFile, type TitleSource } from './source/title-source.ts';

/**
 * Takes a packaged title in: reads its manifests, then every file that they name, once, and gives what the catalogue
 * keeps. Checksums made here are what the whole network trusts, so a title that contradicts itself is refused here, in
 * words and with the place: a truncated file, a range beyond a file, a file that is not there. Files are streamed; what
 * stays in memory is 32 bytes per megabyte and a few numbers per segment.
 */
export interface IngestedTitle {
  readonly title: CatalogueTitle;
  readonly files: readonly IngestedFile[];
  /** One for each rendition of the title, in their order. */
  readonly measures: readonly IngestedMeasures[];
}

export interface IngestedMeasures extends RenditionMeasures {
  /** RFC 6381 names, joined by commas; '' where no box says. */
  readonly codecs: string;
}

export interface IngestedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly root: string;
  readonly blockHashes: Buffer;
  /** Empty where the file is no CMAF or a lone header. */
  readonly segments: readonly MappedSegment[];
}

export interface IngestProgress {
  readonly path: string;
  readonly doneFileCount: number;
  readonly fileCount: number;
  /** Of all files so far. */
  readonly doneBytes: number;
}

export interface IngestOptions {
  readonly naming: TitleNaming;
  readonly manifestNames: ManifestNames;
  readonly maxFileBytes: number;
  readonly maxTitleBytes: number;
  readonly signal: AbortSignal;
  onProgress(progress: IngestProgress): void;
}

const MAX_FILES = 200_000;
/** Files read at once: on a web server each begins with a round trip. */
const LANES = 4;

/** @throws OperationalError MEDIA_BROKEN with reason and place; SOURCE_* when a web server fails; the signal's reason */
export async function ingestTitle(source: TitleSource, options: IngestOptions): Promise<IngestedTitle> {
  const { naming } = options;
  const manifests = await readManifests(source, options.manifestNames, options.signal);
  const draft = draftTitle(manifests.hls, manifests.dash);
  const titlePaths = [
    ...draft.sharedPaths,
    ...draft.renditions.flatMap(({ mediaPaths, playlistPaths }) => [...playlistPaths, ...mediaPaths]),
  ];
  if (titlePaths.length > MAX_FILES)
    throw new OperationalError('MEDIA_BROKEN', `${source.description}: more than ${MAX_FILES} files`);
  for (const titlePath of titlePaths) publicPath(naming, titlePath);
  const facts = await examineAll(source, titlePaths, manifests, options);
  checkClaims(draft, facts);
  const title = assembleTitle(naming, manifests, draft, facts);
  checkContract(title);
  const timed = timeSegments(draft, facts);
  return {
    title,
    files: [...facts].map(([titlePath, { map: _, ...file }]) => ({
      ...file,
      path: publicPath(naming, titlePath),
      segments: timed.get(titlePath) ?? [],
    })),
    measures: [...draft.renditions.map((rendition) => measure(rendition, facts, timed)), NOTHING_TO_PLAY],
  };
}

/** The manifests: wanted whole wherever anything of the title is. */
const NOTHING_TO_PLAY: IngestedMeasures = { durationMs: 0, codecs: '', headBytes: [] };

/** Segments by path, in the time of the header that they rely on; where a file has no boxes, as its playlist says. */
function timeSegments(
  { renditions }: TitleDraft,
  facts: ReadonlyMap<string, FileFacts>,
): ReadonlyMap<string, readonly MappedSegment[]> {
  const timed = new Map<string, readonly MappedSegment[]>();
  for (const { mediaPaths, headerPaths, playlistSegments } of renditions) {
    const header = headerPaths.map((path) => facts.get(path)?.map?.movie).find((movie) => movie !== undefined);
    for (const path of mediaPaths) {
      const file = facts.get(path);
      if (file?.map !== undefined) timed.set(path, timedSegments(file.map, header));
      else if (file !== undefined) timed.set(path, placeSegments(playlistSegments.get(path) ?? [], file.sizeBytes));
    }
  }
  return timed;
}

function placeSegments(segments: readonly PlaylistSegment[], fileBytes: number): MappedSegment[] {
  let startMs = 0;
  return segments.map(({ startByte, sizeBytes, durationMs }) => {
    const placed = { startByte, sizeBytes: sizeBytes ?? fileBytes - startByte, startMs, durationMs };
    startMs += durationMs;
    return placed;
  });
}

function measure(
  { mediaPaths, playlistPaths, headerPaths }: RenditionDraft,
  facts: ReadonlyMap<string, FileFacts>,
  timed: ReadonlyMap<string, readonly MappedSegment[]>,
): IngestedMeasures {
  const files = [...mediaPaths, ...playlistPaths].map((path, index) => ({
    sizeBytes: facts.get(path)?.sizeBytes ?? 0,
    segments: timed.get(path) ?? [],
    isPlaylist: index >= mediaPaths.length,
  }));
  const movie = [...headerPaths, ...mediaPaths].map((path) => facts.get(path)?.map?.movie).find((found) => found);
  return { ...measureRendition(files), codecs: movie?.tracks.map(({ codec }) => codec).join(',') ?? '' };
}

/** Every file once, a few at a time; the first failure ends the others. */
async function examineAll(
  source: TitleSource,
  titlePaths: readonly string[],
  manifests: ReadManifests,
  options: IngestOptions,
): Promise<Map<string, FileFacts>> {
  const facts = new Map<string, FileFacts>();
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const waiting = titlePaths.values();
  let doneBytes = 0;
  const takeFiles = async (): Promise<void> => {
    for (const titlePath of waiting) {
      signal.throwIfAborted();
      let ofFileBytes = 0;
      const onProgress = (fileBytes: number): void => {
        doneBytes += fileBytes - ofFileBytes;
        ofFileBytes = fileBytes;
        if (doneBytes > options.maxTitleBytes)
          throw new OperationalError('MEDIA_BROKEN', `the title is over the limit of ${options.maxTitleBytes} bytes`);
        options.onProgress({ path: titlePath, doneFileCount: facts.size, fileCount: titlePaths.length, doneBytes });
      };
      const text = manifests.texts.get(titlePath);
      facts.set(titlePath, await examine(source, titlePath, text, { ...options, signal, onFileProgress: onProgress }));
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

async function examine(
  source: TitleSource,
  titlePath: string,
  manifestText: Buffer | undefined,
  options: IngestOptions & { readonly onFileProgress: (doneBytes: number) => void },
): Promise<FileFacts> {
  const examineOptions = { path: titlePath, maxBytes: options.maxFileBytes, onProgress: options.onFileProgress };
  if (manifestText !== undefined) return examineFile([manifestText], examineOptions);
  const opened = await source.open(titlePath, options.signal);
  if (opened === undefined) throw noSuchFile(titlePath);
  try {
    if ((opened.sizeBytes ?? 0) > options.maxFileBytes)
      throw new OperationalError('MEDIA_BROKEN', `${titlePath}: over the limit of ${options.maxFileBytes} bytes`);
    return await examineFile(opened.chunks, examineOptions);
  } finally {
    opened.close();
  }
}

/** What the catalogue gives out must be readable by whoever reads it. */
function checkContract(title: CatalogueTitle): void {
  try {
    parseCatalogueSnapshot({ version: 1, catalogueVersion: 0, titles: [title] });
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    const problems = error.problems.map((problem) => problem.replace(/^titles\.0\./, '')).join('; ');
    throw new OperationalError('MEDIA_BROKEN', `the title does not fit into the catalogue: ${problems}`, {
      cause: error,
    });
  }
}
