import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { assembleTitle, checkClaims, publicPath, type TitleNaming } from './assemble-title.ts';
import { readManifests } from './manifests/read-manifests.ts';
import { draftTitle } from './manifests/title-draft.ts';
import { examineFile, type FileFacts } from './media/examine-file.ts';
import type { MappedSegment } from './media/map-segments.ts';
import type { TitleSource } from './source/title-source.ts';

/**
 * Takes a packaged title in: reads its manifests, then every file that they name, once, and gives what the catalogue
 * keeps. Checksums made here are what the whole network trusts, so a title that contradicts itself is refused here, in
 * words and with the place: a truncated file, a range beyond a file, a file that is not there. Files are streamed; what
 * stays in memory is 32 bytes per megabyte and a few numbers per segment.
 */
export interface IngestedTitle {
  readonly title: CatalogueTitle;
  readonly files: readonly IngestedFile[];
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
  /** File names of the manifests inside the title. */
  readonly manifestNames: readonly string[];
  readonly maxFileBytes: number;
  readonly maxTitleBytes: number;
  readonly signal: AbortSignal;
  onProgress(progress: IngestProgress): void;
}

const MAX_FILES = 200_000;

/** @throws OperationalError MEDIA_BROKEN with reason and place; SOURCE_* when a web server fails; the signal's reason */
export async function ingestTitle(source: TitleSource, options: IngestOptions): Promise<IngestedTitle> {
  const { naming, signal } = options;
  const manifests = await readManifests(source, options.manifestNames, signal);
  const draft = draftTitle(manifests.hls, manifests.dash);
  const titlePaths = [
    ...draft.sharedPaths,
    ...draft.renditions.flatMap(({ mediaPaths, playlistPaths }) => [...playlistPaths, ...mediaPaths]),
  ];
  if (titlePaths.length > MAX_FILES)
    throw new OperationalError('MEDIA_BROKEN', `${source.description}: more than ${MAX_FILES} files`);
  for (const titlePath of titlePaths) publicPath(naming, titlePath);
  const facts = new Map<string, FileFacts>();
  let doneBytes = 0;
  for (const titlePath of titlePaths) {
    const progress = { path: titlePath, doneFileCount: facts.size, fileCount: titlePaths.length };
    const examined = await examine(source, titlePath, manifests.texts.get(titlePath), options, (fileBytes) => {
      if (doneBytes + fileBytes > options.maxTitleBytes)
        throw new OperationalError('MEDIA_BROKEN', `the title is over the limit of ${options.maxTitleBytes} bytes`);
      options.onProgress({ ...progress, doneBytes: doneBytes + fileBytes });
    });
    facts.set(titlePath, examined);
    doneBytes += examined.sizeBytes;
  }
  checkClaims(draft, facts);
  return {
    title: assembleTitle(naming, manifests, draft, facts),
    files: [...facts].map(([titlePath, { map, ...file }]) => ({
      ...file,
      path: publicPath(naming, titlePath),
      segments: map?.segments ?? [],
    })),
  };
}

async function examine(
  source: TitleSource,
  titlePath: string,
  manifestText: Buffer | undefined,
  options: IngestOptions,
  onProgress: (doneBytes: number) => void,
): Promise<FileFacts> {
  const examineOptions = { path: titlePath, maxBytes: options.maxFileBytes, onProgress };
  if (manifestText !== undefined) return examineFile([manifestText], examineOptions);
  const opened = await source.open(titlePath, options.signal);
  try {
    if ((opened.sizeBytes ?? 0) > options.maxFileBytes)
      throw new OperationalError('MEDIA_BROKEN', `${titlePath}: over the limit of ${options.maxFileBytes} bytes`);
    return await examineFile(opened.chunks, examineOptions);
  } finally {
    opened.close();
  }
}
