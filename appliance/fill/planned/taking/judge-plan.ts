import { ContractError } from '../../../../src/contracts/contract.ts';
import { type FillPlan, parseFillPlan } from '../../../../src/contracts/fill-plan.ts';
import { documentVerifies } from '../../../../src/signing/signed-document.ts';

/** What decides whether a plan may be taken, beside the plan. */
export interface PlanQuestion {
  readonly applianceId: string;
  /** Of the planner; undefined when it is not pinned. */
  readonly publicKey: string | undefined;
  /** The plan that it would replace. */
  readonly inForce: Pick<FillPlan, 'planVersion' | 'createdAtMs'> | undefined;
}

export type PlanVerdict =
  | { readonly kind: 'take'; readonly plan: FillPlan; readonly goesBack: boolean }
  | { readonly kind: 'have' }
  | { readonly kind: 'refuse'; readonly reason: string };

/** Whether a plan, as received, may replace the one in force. */
export function judgePlan(document: unknown, { applianceId, publicKey, inForce }: PlanQuestion): PlanVerdict {
  const refuse = (reason: string): PlanVerdict => ({ kind: 'refuse', reason });
  if (publicKey !== undefined && !documentVerifies(document, publicKey))
    return refuse("it is not signed by the planner's pinned key");
  let plan: FillPlan;
  try {
    plan = parseFillPlan(document);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    return refuse(error.message);
  }
  if (plan.applianceId !== applianceId) return refuse(`it is for ${plan.applianceId}`);
  const stray = plan.files.find((file) => file.rendition >= plan.renditions.length);
  if (stray !== undefined) return refuse(`${stray.path} is of rendition ${stray.rendition}, which it does not list`);
  if (inForce === undefined) return { kind: 'take', plan, goesBack: false };
  if (plan.planVersion === inForce.planVersion && plan.createdAtMs === inForce.createdAtMs) return { kind: 'have' };
  if (plan.planVersion <= inForce.planVersion && plan.createdAtMs <= inForce.createdAtMs)
    return refuse(`version ${plan.planVersion} was made before version ${inForce.planVersion}, which is in force`);
  return { kind: 'take', plan, goesBack: plan.planVersion < inForce.planVersion };
}
