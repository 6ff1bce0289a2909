import { type CatalogueShape, CLASS_COUNT } from './catalogue-shape.ts';
import { learnedFactor } from './shrinkage.ts';

/**
 * How a title's bytes divide among its renditions: by their size, times how much a class of rates is preferred in the
 * region. The preference is learned over all titles, so a title that nobody has watched yet has its rungs ranked as
 * viewers of that region use them.
 */
export interface RenditionMix {
  /** By region, then by class: bytes asked for per stored byte, relative to the title's mean. */
  readonly preferences: readonly Float64Array[];
  /** Of each title: how many bytes come in one session, over all regions. */
  readonly sessionBytes: Float64Array;
}

/** A session rarely sees the end: half of the rendition is a usual one. */
export const SESSION_SHARE = 0.5;
const CLASS_VARIANCE = 1;
const REGION_VARIANCE = 0.25;

/** @param recentBytes by region, then by rendition */
export function learnMix(catalogue: CatalogueShape, recentBytes: readonly Float64Array[]): RenditionMix {
  const { sizes } = catalogue;
  const world = new Float64Array(sizes.length);
  for (const ofRegion of recentBytes)
    for (let at = 0; at < world.length; at++) world[at] = (world[at] ?? 0) + (ofRegion[at] ?? 0);
  const everywhere = preferencesOf(catalogue, world, new Float64Array(CLASS_COUNT).fill(1), CLASS_VARIANCE);
  return {
    preferences: recentBytes.map((ofRegion) => preferencesOf(catalogue, ofRegion, everywhere, REGION_VARIANCE)),
    sessionBytes: sessionsOf(catalogue, everywhere),
  };
}

function preferencesOf(
  { titleOf, sizes, classes, titleSizes }: CatalogueShape,
  seen: Float64Array,
  usual: Float64Array,
  variance: number,
): Float64Array {
  const ofTitle = new Float64Array(titleSizes.length);
  const [came, even, bytes, counts] = Array.from({ length: 4 }, () => new Float64Array(CLASS_COUNT));
  if (came === undefined || even === undefined || bytes === undefined || counts === undefined) return usual;
  for (let at = 0; at < seen.length; at++) {
    const title = titleOf[at] ?? 0;
    ofTitle[title] = (ofTitle[title] ?? 0) + (seen[at] ?? 0);
  }
  for (let at = 0; at < seen.length; at++) {
    const [its, title, size] = [classes[at] ?? 0, titleOf[at] ?? 0, sizes[at] ?? 0];
    came[its] = (came[its] ?? 0) + (seen[at] ?? 0);
    even[its] = (even[its] ?? 0) + (size * (ofTitle[title] ?? 0)) / (titleSizes[title] ?? 1);
    bytes[its] = (bytes[its] ?? 0) + size;
    counts[its] = (counts[its] ?? 0) + 1;
  }
  return usual.map((preference, its) => {
    const sessionBytes = (SESSION_SHARE * (bytes[its] ?? 0)) / Math.max(1, counts[its] ?? 0);
    if (sessionBytes === 0) return preference;
    const opinion = { expectedBytes: preference * (even[its] ?? 0), variance, sessionBytes };
    return preference * learnedFactor(opinion, came[its] ?? 0);
  });
}

/** Each title's mean size of a rendition, weighted by the bytes that it serves. */
function sessionsOf({ titleOf, sizes, classes, titleSizes }: CatalogueShape, usual: Float64Array): Float64Array {
  const [squares, sums] = [new Float64Array(titleSizes.length), new Float64Array(titleSizes.length)];
  for (let at = 0; at < sizes.length; at++) {
    const [title, size] = [titleOf[at] ?? 0, sizes[at] ?? 0];
    const bytes = size * (usual[classes[at] ?? 0] ?? 1);
    sums[title] = (sums[title] ?? 0) + bytes;
    squares[title] = (squares[title] ?? 0) + bytes * size;
  }
  return squares.map((square, title) => (SESSION_SHARE * square) / Math.max(1e-300, sums[title] ?? 0));
}
