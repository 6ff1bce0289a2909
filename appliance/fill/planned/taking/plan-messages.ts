import type { FillPlan, FillPlanFile } from '../../../../src/contracts/fill-plan.ts';
import type { ErrorCode } from '../../../../src/errors/error-codes.ts';
import type { PlanQuestion, PlanVerdict } from './judge-plan.ts';

/** What is said to the thread that takes one plan, and what it answers: each question gets one answer. */
export interface PlanThreadData {
  readonly stateDir: string;
}

export type ToPlanThread =
  /** The next bytes of the plan; has no answer. */
  | { readonly kind: 'piece'; readonly bytes: Uint8Array }
  /** That was all of them: judge it. */
  | { readonly kind: 'judge'; readonly question: PlanQuestion }
  /** The one that is kept on disk. */
  | { readonly kind: 'judge-kept'; readonly question: PlanQuestion }
  /** The next files, some hundred of them, and none when all have been given. */
  | { readonly kind: 'files' }
  /** Write it to disk as it was received. */
  | { readonly kind: 'keep'; readonly etag: string | undefined };

/** Without the files, which come a few at a time. */
export type VerdictWithoutFiles =
  | Exclude<PlanVerdict, { readonly kind: 'take' }>
  | { readonly kind: 'take'; readonly plan: Omit<FillPlan, 'files'>; readonly goesBack: boolean };

export type FromPlanThread =
  | { readonly kind: 'verdict'; readonly verdict: VerdictWithoutFiles; readonly etag: string | undefined }
  | { readonly kind: 'files'; readonly files: readonly FillPlanFile[] }
  | { readonly kind: 'kept' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string };
