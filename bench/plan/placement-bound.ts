import loadHighs from 'highs';
import type { ClusterPlacement, HoldItem } from '../../fill-planner/plan/plan-facts.ts';

// Its types are those of a CommonJS module, where the function hides behind `default`; as a module it is the default.
const highs = await (loadHighs as unknown as typeof loadHighs.default)();

export interface BoundMachine {
  readonly plannedBytes: number;
  readonly servingBitsPerSec: number;
}

/**
 * The most of the peak that a cluster could serve, if items could lie on machines in any parts: rate and bytes of every
 * machine are kept, whole items are not asked for. Machines that are the same are one with the sum of their rates and
 * bytes, which changes nothing (any solution spread evenly over them is one of theirs) and makes the program small.
 * @returns bits per second, by HiGHS
 */
export function servedBound(items: readonly HoldItem[], machines: readonly BoundMachine[]): number {
  const kinds = [
    ...Map.groupBy(machines, (machine) => `${machine.plannedBytes} ${machine.servingBitsPerSec}`).values(),
  ];
  const gigabytes = (bytes: number): number => bytes / 1e9;
  const megabits = (rate: number): number => rate / 1e6;
  const asked = items.filter(({ peakBitsPerSec }) => peakBitsPerSec > 0);
  const rows = asked.map((_, item) => `i${item}: ${kinds.map((_kind, kind) => `z${item}_${kind}`).join(' + ')} <= 1`);
  for (const [kind, members] of kinds.entries()) {
    const terms = (of: (item: HoldItem) => number): string =>
      asked.map((item, index) => `${of(item)} z${index}_${kind}`).join(' + ');
    const sum = (of: (machine: BoundMachine) => number): number => members.reduce((all, each) => all + of(each), 0);
    rows.push(
      `r${kind}: ${terms((item) => megabits(item.peakBitsPerSec))} <= ${megabits(sum((each) => each.servingBitsPerSec))}`,
      `c${kind}: ${terms((item) => gigabytes(item.sizeBytes))} <= ${gigabytes(sum((each) => each.plannedBytes))}`,
    );
  }
  const objective = asked
    .flatMap((item, index) => kinds.map((_, kind) => `${megabits(item.peakBitsPerSec)} z${index}_${kind}`))
    .join(' + ');
  return 1e6 * maximum(objective, rows);
}

/** What a placement can serve of the peak when every request goes to the best of the holders: a transport problem. */
export function servedBy(
  { holderStart, holders, peakBitsPerSec, applianceIds }: ClusterPlacement,
  safeRateOf: ReadonlyMap<string, number>,
): number {
  const safeBitsPerSec = applianceIds.map((id) => safeRateOf.get(id) ?? 0);
  const onMachine: string[][] = safeBitsPerSec.map(() => []);
  const rows: string[] = [];
  const all: string[] = [];
  for (const [entry, peak] of peakBitsPerSec.entries()) {
    if (peak <= 0) continue;
    const names: string[] = [];
    for (const machine of holders.subarray(holderStart[entry], holderStart[entry + 1])) {
      names.push(`x${entry}_${machine}`);
      onMachine[machine]?.push(`x${entry}_${machine}`);
    }
    rows.push(`i${entry}: ${names.join(' + ')} <= ${peak / 1e6}`);
    all.push(...names);
  }
  for (const [machine, names] of onMachine.entries())
    if (names.length > 0) rows.push(`m${machine}: ${names.join(' + ')} <= ${(safeBitsPerSec[machine] ?? 0) / 1e6}`);
  return all.length === 0 ? 0 : 1e6 * maximum(all.join(' + '), rows);
}

function maximum(objective: string, rows: readonly string[]): number {
  const solution = highs.solve(`Maximize\n obj: ${objective}\nSubject To\n ${rows.join('\n ')}\nEnd`);
  if (solution.Status !== 'Optimal') throw new Error(`the program says ${solution.Status}`);
  return solution.ObjectiveValue;
}
