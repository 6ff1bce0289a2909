import type { RenditionFacts } from '../../plan/plan-facts.ts';

/** The catalogue as arrays over its renditions and over their titles, in the order in which titles first appear. */
export interface CatalogueShape {
  readonly titleIds: readonly string[];
  /** Of each rendition. */
  readonly titleOf: Int32Array;
  readonly sizes: Float64Array;
  readonly classes: Int32Array;
  /** Of each title: bytes of all its renditions, and when viewers could first watch it. */
  readonly titleSizes: Float64Array;
  readonly startsAtMs: Float64Array;
}

/** Manifests, then rates by factors of two. */
export const CLASS_COUNT = 12;
const LOWEST_RATE = 50_000;

export function shapeCatalogue(renditions: readonly RenditionFacts[]): CatalogueShape {
  const indexOf = new Map<string, number>();
  const titleOf = new Int32Array(renditions.length);
  const sizes = new Float64Array(renditions.length);
  const classes = new Int32Array(renditions.length);
  const titleSizes: number[] = [];
  const starts: number[] = [];
  for (const [index, rendition] of renditions.entries()) {
    const { titleId, sizeBytes, availableAtMs } = rendition;
    const title = indexOf.get(titleId) ?? indexOf.size;
    indexOf.set(titleId, title);
    titleOf[index] = title;
    sizes[index] = Math.max(1, sizeBytes);
    classes[index] = classOf(rendition);
    titleSizes[title] = (titleSizes[title] ?? 0) + Math.max(1, sizeBytes);
    starts[title] = Math.min(starts[title] ?? Number.POSITIVE_INFINITY, availableAtMs);
  }
  return {
    titleIds: [...indexOf.keys()],
    titleOf,
    sizes,
    classes,
    titleSizes: Float64Array.from(titleSizes),
    startsAtMs: Float64Array.from(starts),
  };
}

function classOf({ isManifest, bitsPerSec }: RenditionFacts): number {
  if (isManifest) return 0;
  const doublings = Math.round(Math.log2(Math.max(LOWEST_RATE, bitsPerSec) / LOWEST_RATE));
  return 1 + Math.min(CLASS_COUNT - 2, doublings);
}
