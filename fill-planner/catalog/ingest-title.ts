import { type CatalogueTitle, parseCatalogueSnapshot } from '../../src/contracts/catalogue-snapshot.ts';
import { ContractError } from '../../src/contracts/contract.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { assembleTitle, checkClaims, publicPath, type TitleNaming } from './assemble-title.ts';
import { type ExamineTitleOptions, examineTitle } from './examine-title.ts';
import { type ManifestNames, readManifests } from './manifests/read-manifests.ts';
import { draftOfFile, draftTitle } from './manifests/title-draft.ts';
import { type IngestedMeasures, measureTitle, timeSegments } from './measure-title.ts';
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
  /** One for each rendition of the title, in their order. */
  readonly measures: readonly IngestedMeasures[];
}

export interface IngestedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly root: string;
  readonly blockHashes: Buffer;
  /** Empty where the file is no CMAF or a lone header. */
  readonly segments: readonly MappedSegment[];
}

export interface IngestOptions extends ExamineTitleOptions {
  readonly naming: TitleNaming;
  readonly manifestNames: ManifestNames;
}

const MAX_FILES = 200_000;

/** @throws OperationalError MEDIA_BROKEN with reason and place; SOURCE_* when a web server fails; the signal's reason */
export async function ingestTitle(source: TitleSource, options: IngestOptions): Promise<IngestedTitle> {
  const { naming } = options;
  const manifests = await readManifests(source, options.manifestNames, options.signal);
  const { mediaFile } = options.manifestNames;
  const draft = mediaFile === undefined ? draftTitle(manifests.hls, manifests.dash) : draftOfFile(mediaFile);
  const titlePaths = [
    ...draft.sharedPaths,
    ...draft.renditions.flatMap(({ mediaPaths, playlistPaths }) => [...playlistPaths, ...mediaPaths]),
  ];
  if (titlePaths.length > MAX_FILES)
    throw new OperationalError('MEDIA_BROKEN', `${source.description}: more than ${MAX_FILES} files`);
  for (const titlePath of titlePaths) publicPath(naming, titlePath);
  const facts = await examineTitle(source, titlePaths, manifests.texts, options);
  checkClaims(draft, facts);
  const timed = timeSegments(draft, facts);
  const measures = measureTitle(draft, facts, timed);
  const durationMs = draft.durationMs || Math.max(...measures.map((measured) => measured.durationMs));
  const title = assembleTitle(naming, manifests, { ...draft, durationMs }, facts);
  checkContract(title);
  return {
    title,
    files: [...facts].map(([titlePath, { map: _, ...file }]) => ({
      ...file,
      path: publicPath(naming, titlePath),
      segments: timed.get(titlePath) ?? [],
    })),
    measures,
  };
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
