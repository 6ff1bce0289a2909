import { placeFiles } from '../../fill-planner/placement/place-files.ts';
import { generateCluster, type MachineKind } from './generated-cluster.ts';
import { servedBound, servedBy } from './placement-bound.ts';

export interface GapFigures {
  readonly machines: string;
  readonly files: number;
  /** Peak rate over what the machines can send. */
  readonly load: number;
  /** Planned bytes over the bytes of all files. */
  readonly space: number;
  readonly exponent: number;
  /** Below the bound by linear programming, as a share of it. */
  readonly gap: number;
  readonly placeMs: number;
  readonly boundMs: number;
}

const MIXES: Readonly<Record<string, readonly MachineKind[]>> = {
  '5 storage': kinds({ storage: 5 }),
  '2 flash, 3 storage': kinds({ flash: 2, storage: 3 }),
  '4 flash, 6 storage': kinds({ flash: 4, storage: 6 }),
  '6 flash, 8 storage, 6 global': kinds({ flash: 6, storage: 8, global: 6 }),
};
const LOADS = [0.6, 0.95, 1.3];
const SPACES = [0.2, 0.6, 1.2];
const EXPONENTS = [0.8, 1.1];
const FILES = [500, 2000];

/** How far placements are from the bound: what they serve of the peak when requests go to the best of the holders. */
export function measureGaps(): GapFigures[] {
  const cases = Object.keys(MIXES).flatMap((machines) =>
    FILES.flatMap((files) =>
      LOADS.flatMap((load) =>
        SPACES.flatMap((space) => EXPONENTS.map((exponent) => ({ machines, files, load, space, exponent }))),
      ),
    ),
  );
  return cases.map((each) => {
    const { items, appliances } = generateCluster({ ...each, machines: MIXES[each.machines] ?? [], seed: 7 });
    const startedMs = performance.now();
    const placement = placeFiles({ clusterId: 'c', items, idOf: (rendition) => `t/${rendition}`, appliances });
    const placedMs = performance.now();
    const bound = servedBound(items, appliances);
    const boundMs = performance.now() - placedMs;
    const served = servedBy(placement, new Map(appliances.map(({ id, servingBitsPerSec }) => [id, servingBitsPerSec])));
    return {
      ...each,
      gap: Math.round((1 - served / bound) * 1e4) / 1e4,
      placeMs: Math.round(placedMs - startedMs),
      boundMs: Math.round(boundMs),
    };
  });
}

function kinds(counts: Partial<Record<MachineKind, number>>): MachineKind[] {
  return (['flash', 'storage', 'global'] as const).flatMap((kind) =>
    Array.from({ length: counts[kind] ?? 0 }, () => kind),
  );
}
