import type { FillWindow } from '../../../src/contracts/fill-plan.ts';
import { canonicalJson } from '../../../src/signing/canonical-json.ts';
import type { Identity } from '../../../src/signing/identity.ts';
import { filesOfEntry, type PlanDraft, type RenditionContent } from '../draft-plan.ts';

/**
 * A plan as its appliance gets it: canonical JSON, signed. Written member by member in the order of canonical JSON, so
 * that the text is signed as it is: making objects of a plan of 50,000 files and ordering their members would take six
 * times as long. Bytes and not text, because a plan of a million files is longer than a string may be.
 */
export interface PlanToWrite {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly createdAtMs: number;
  readonly windows: readonly FillWindow[];
  readonly draft: Omit<PlanDraft, 'windows' | 'applianceId'>;
}

const FILES_PER_CHUNK = 500;

/** Yields how many files are written. */
export function* writePlan(
  plan: PlanToWrite,
  contentOf: (rendition: number) => RenditionContent,
  identity: Identity,
): Generator<number, Buffer> {
  const { draft } = plan;
  const contents: RenditionContent[] = [];
  for (const rendition of draft.rendition) {
    contents.push(contentOf(rendition));
    if (contents.length % FILES_PER_CHUNK === 0) yield FILES_PER_CHUNK;
  }
  const renditions = contents.map(({ id }) => id).sort();
  const indexOf = new Map(renditions.map((id, index) => [id, index]));
  const sources = draft.sourceLists.map((list) => canonicalJson(list));
  const chunks = [
    Buffer.from(`{"applianceId":${JSON.stringify(plan.applianceId)},"createdAtMs":${plan.createdAtMs},"files":[`),
  ];
  let lines: string[] = [];
  let fileCount = 0;
  const flush = (): void => {
    chunks.push(Buffer.from(lines.join('')));
    lines = [];
  };
  for (const [entry, content] of contents.entries()) {
    const rendition = indexOf.get(content.id) ?? 0;
    const { files, reason } = filesOfEntry(draft, entry, content);
    const reasonText = JSON.stringify(reason);
    const sourcesText = sources[draft.sources[entry] ?? 0] ?? '[]';
    for (const { path, sizeBytes, root, headBytes, expectedBytes } of files) {
      const head = headBytes === undefined ? '' : `"headBytes":${headBytes},`;
      lines.push(
        `${fileCount === 0 ? '' : ','}{"expectedBytes":${expectedBytes},${head}"path":${JSON.stringify(path)},` +
          `"priority":${fileCount},"reason":${reasonText},"rendition":${rendition},"root":${JSON.stringify(root)},` +
          `"sizeBytes":${sizeBytes},"sources":${sourcesText}}`,
      );
      fileCount += 1;
      if (lines.length < FILES_PER_CHUNK) continue;
      flush();
      yield FILES_PER_CHUNK;
    }
  }
  flush();
  chunks.push(
    Buffer.from(
      `],"keyId":${JSON.stringify(identity.keyId)},"planVersion":${plan.planVersion},` +
        `"renditions":${JSON.stringify(renditions)},"version":1,"windows":${canonicalJson(plan.windows)}`,
    ),
  );
  const unsigned = Buffer.concat([...chunks, Buffer.from('}')]);
  // The signature's own member is not under it, and may stand anywhere.
  const signature = Buffer.from(`,"signature":${JSON.stringify(identity.sign(unsigned))}}`);
  return Buffer.concat([unsigned.subarray(0, -1), signature]);
}
