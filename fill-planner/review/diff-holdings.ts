import { HELD } from '../hold/held.ts';
import type { RenditionFacts } from '../plan/plan-facts.ts';
import { bytesOfPart, type HoldingColumns, heldByAny, servedShare } from './holding-columns.ts';

/** What one plan has that the other has not, largest expectation first. */
export interface HoldingsDiff {
  readonly comes: readonly DiffRow[];
  readonly goes: readonly DiffRow[];
  /** To be fetched: what comes whole, and the rest of heads that become whole. */
  readonly comesBytes: number;
  readonly goesBytes: number;
  readonly staysBytes: number;
  readonly staysCount: number;
  /** Expected within the next day of what each of the two holds, by the same forecast. */
  readonly servedBeforeBytes: number;
  readonly servedAfterBytes: number;
}

export interface DiffRow {
  readonly rendition: string;
  readonly titleId: string;
  /** `whole`, `head`, or `rest` for the part of a rendition beyond its head. */
  readonly part: 'whole' | 'head' | 'rest';
  readonly sizeBytes: number;
  /** Expected to be asked for within the next day of this part. */
  readonly expectedBytes: number;
}

/**
 * Compares two plans of an appliance or of a whole cluster (then what any of its appliances holds counts), both by the
 * forecast of now: a plan is not better because it was made on a better day.
 * @param expectedBytes by rendition, of the whole rendition within the next day
 */
export function diffHoldings(
  before: readonly HoldingColumns[],
  after: readonly HoldingColumns[],
  facts: readonly RenditionFacts[],
  expectedBytes: (rendition: number) => number,
): HoldingsDiff {
  const heldBefore = heldByAny(before, facts.length);
  const heldAfter = heldByAny(after, facts.length);
  const comes: DiffRow[] = [];
  const goes: DiffRow[] = [];
  const sums = { staysBytes: 0, staysCount: 0, servedBeforeBytes: 0, servedAfterBytes: 0 };
  for (const [index, { id, titleId }] of facts.entries()) {
    const [was, is] = [heldBefore[index] ?? 0, heldAfter[index] ?? 0];
    if (was === HELD.nothing && is === HELD.nothing) continue;
    const expected = expectedBytes(index);
    sums.servedBeforeBytes += expected * servedShare(facts, index, was);
    sums.servedAfterBytes += expected * servedShare(facts, index, is);
    const less = Math.min(was, is);
    sums.staysBytes += bytesOfPart(facts, index, less);
    if (less !== HELD.nothing) sums.staysCount += 1;
    if (was === is) continue;
    const more = Math.max(was, is);
    const row: DiffRow = {
      rendition: id,
      titleId,
      part: more === HELD.head ? 'head' : less === HELD.head ? 'rest' : 'whole',
      sizeBytes: bytesOfPart(facts, index, more) - bytesOfPart(facts, index, less),
      expectedBytes: expected * (servedShare(facts, index, more) - servedShare(facts, index, less)),
    };
    (is > was ? comes : goes).push(row);
  }
  return {
    comes: comes.sort(byExpectation),
    goes: goes.sort(byExpectation),
    comesBytes: sumOf(comes),
    goesBytes: sumOf(goes),
    ...sums,
  };
}

const byExpectation = (a: DiffRow, b: DiffRow): number =>
  b.expectedBytes - a.expectedBytes || (a.rendition < b.rendition ? -1 : 1);

const sumOf = (rows: readonly DiffRow[]): number => rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
