import type { CatalogueTitle } from '../../../src/contracts/catalogue-snapshot.ts';

const known = new WeakMap<CatalogueTitle, number>();

/**
 * What one session of a title takes at its best: the highest BANDWIDTH of its variants (RFC 8216 4.3.4.2, the peak of a
 * segment), or where the title has no HLS its largest video and audio rendition over its duration.
 * @returns bit/s; 0 when nothing is known
 */
export function nominalBitsPerSec(title: CatalogueTitle): number {
  let bitsPerSec = known.get(title);
  if (bitsPerSec === undefined) {
    const { hls } = title;
    bitsPerSec = hls === undefined ? bySize(title) : byVariants(hls.variants);
    known.set(title, bitsPerSec);
  }
  return bitsPerSec;
}

const byVariants = (variants: ReadonlyArray<{ readonly bandwidthBitsPerSec: number }>): number =>
  variants.reduce((most, { bandwidthBitsPerSec }) => Math.max(most, bandwidthBitsPerSec), 0);

function bySize({ durationMs, renditions }: CatalogueTitle): number {
  if (durationMs === 0) return 0;
  const largest = (kind: 'video' | 'audio'): number =>
    renditions.reduce((most, rendition) => (rendition.kind === kind ? Math.max(most, rendition.sizeBytes) : most), 0);
  return ((largest('video') + largest('audio')) * 8000) / durationMs;
}
