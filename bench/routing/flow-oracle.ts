import loadHighs from 'highs';
import type { FlowProblem } from '../../steering/flow/plan/flow-problem.ts';

// Its types are those of a CommonJS module, where the function hides behind `default`; as a module it is the default.
const highs = await (loadHighs as unknown as typeof loadHighs.default)();

/**
 * The least cost, by HiGHS.
 * @param kept by arc what may stay at a discount of `moveCost`: a second variable per arc with that as its bound
 */
export function oracleCost(problem: FlowProblem, kept?: Float64Array, moveCost = 0): number {
  const { demand, capacity, arcStart, arcSite, arcCost } = problem;
  const names = (arc: number): string[] => (kept === undefined ? [`x${arc}`] : [`x${arc}`, `y${arc}`]);
  const arcsInto: string[][] = Array.from(capacity, () => []);
  const rows: string[] = [];
  for (const [group, bits] of demand.entries()) {
    const terms: string[] = [];
    for (let arc = arcStart[group] ?? 0; arc < (arcStart[group + 1] ?? 0); arc += 1) {
      terms.push(...names(arc));
      arcsInto[arcSite[arc] ?? 0]?.push(...names(arc));
    }
    rows.push(`g${group}: ${terms.join(' + ')} = ${bits}`);
  }
  for (const [site, terms] of arcsInto.entries())
    if (terms.length > 0 && capacity[site] !== Infinity)
      rows.push(`s${site}: ${terms.join(' + ')} <= ${capacity[site]}`);
  const costs = Array.from(arcCost, (cost, arc) =>
    kept === undefined ? `${cost} x${arc}` : `${cost} x${arc} + ${cost - moveCost} y${arc}`,
  );
  const bounds = Array.from(kept ?? [], (bits, arc) => ` 0 <= y${arc} <= ${bits}`);
  const objective = costs.join(' + ').replaceAll('+ -', '- ');
  const solution = highs.solve(
    `Minimize\n obj: ${objective}\nSubject To\n ${rows.join('\n ')}\nBounds\n${bounds.join('\n')}\nEnd`,
  );
  if (solution.Status !== 'Optimal') throw new Error(`the oracle says ${solution.Status}`);
  return solution.ObjectiveValue;
}
