import type { PlanVerdict } from './judge-plan.ts';

/** A plan that was decoded and judged, until it is known what becomes of it. */
export interface TakenPlan {
  readonly verdict: PlanVerdict;
  /** Writes the plan to disk as it was received. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  keep(etag: string | undefined): Promise<void>;
  /** To be called in the end, whatever came of it. */
  [Symbol.asyncDispose](): Promise<void>;
}
