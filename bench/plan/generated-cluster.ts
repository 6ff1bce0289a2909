import type { PlacementAppliance } from '../../fill-planner/placement/placement-columns.ts';
import type { HoldItem } from '../../fill-planner/plan/plan-facts.ts';

/** Numbers in [0, 1) from a seed: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const KINDS = {
  flash: { plannedBytes: 48e12, servingBitsPerSec: 90e9 },
  storage: { plannedBytes: 240e12, servingBitsPerSec: 36e9 },
  global: { plannedBytes: 96e12, servingBitsPerSec: 18e9 },
} as const;
export type MachineKind = keyof typeof KINDS;

export interface GeneratedCluster {
  /** Best first by peak rate per byte. */
  readonly items: readonly HoldItem[];
  readonly appliances: readonly (PlacementAppliance & { readonly servingBitsPerSec: number })[];
}

/**
 * A cluster and what it is asked for: titles of a Zipf law, each of up to ten rungs with sizes and shares of their own.
 * @param load peak rate over what the machines can send safely
 * @param space planned bytes over the bytes of all items
 */
export function generateCluster(options: {
  readonly files: number;
  readonly machines: readonly MachineKind[];
  readonly load: number;
  readonly space: number;
  readonly exponent: number;
  readonly seed: number;
}): GeneratedCluster {
  const { files, machines, load, space, exponent, seed } = options;
  const random = seeded(seed);
  const rungs = 10;
  const raw = Array.from({ length: files }, (_, file) => {
    const title = Math.floor(file / rungs);
    const rate = 0.3 * 1.55 ** (file % rungs);
    const sizeBytes = rate * (1200 + 5000 * random()) * 125_000;
    return { sizeBytes, asked: (title + 1) ** -exponent * rate * Math.exp(2 * random() - 1) };
  });
  const kinds = machines.map((kind) => KINDS[kind]);
  const allBytes = raw.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const allAsked = raw.reduce((sum, { asked }) => sum + asked, 0);
  const sizeScale = kinds.reduce((sum, { plannedBytes }) => sum + plannedBytes, 0) / space / allBytes;
  const rateScale = (kinds.reduce((sum, { servingBitsPerSec }) => sum + servingBitsPerSec, 0) * load) / allAsked;
  const items = raw.map(({ sizeBytes, asked }, rendition): HoldItem => {
    const size = Math.round(sizeBytes * sizeScale);
    const peakBitsPerSec = asked * rateScale;
    return {
      rendition,
      part: 'whole',
      sizeBytes: size,
      expectedBytes: (peakBitsPerSec / 8) * 3600 * 10,
      peakBitsPerSec,
      reason: 'asked for',
    };
  });
  items.sort((a, b) => b.peakBitsPerSec / b.sizeBytes - a.peakBitsPerSec / a.sizeBytes);
  return {
    items,
    appliances: machines.map((kind, index) => ({ id: `${kind}${String(index).padStart(2, '0')}`, ...KINDS[kind] })),
  };
}
