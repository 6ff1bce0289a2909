import type { FillReport } from '../../src/contracts/fill-report.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { HoldingColumns } from '../review/holding-columns.ts';

/** Versions by appliance. */
export type PlanVersions = ReadonlyMap<string, number>;

/** What a rollout needs of the store of plans. */
export interface PlanLibrary {
  /** Of every appliance that has a plan. */
  versionsInForce(): PlanVersions;
  /**
   * What a version says, in the numbering of now: without what `numberOf` knows no number for, and with today's content
   * where that was brought in anew. Undefined when it is not kept any more.
   */
  draftOf(
    applianceId: string,
    planVersion: number,
    numberOf: (renditionId: string) => number | undefined,
  ): Omit<PlanDraft, 'windows'> | undefined;
  /**
   * What these versions hold, by appliance; versions that are not kept any more are missing. Yields what is done, in
   * units of some milliseconds.
   */
  readVersions(
    versions: PlanVersions,
    numberOf: (renditionId: string) => number | undefined,
  ): Generator<number, ReadonlyMap<string, HoldingColumns>>;
  /** The newest of every appliance. */
  reports(): readonly { readonly report: FillReport; readonly receivedAtMs: number }[];
}
