import type { PolicyKeeper } from '../../policy/policy-keeper.ts';
import type { EdgeFilter } from '../edge-question.ts';

/** By which variant of the policy a session is ranked, and to which version of appliances it goes. */
export function choosePolicy(keeper: Pick<PolicyKeeper, 'factsFor'>): EdgeFilter {
  return {
    name: 'policy',
    does: 'the variant by which the session is ranked; a cohort that was rolled back is ranked like everybody',
    shapes: false,
    apply: (question) => {
      const policy = keeper.factsFor(question.seat);
      return policy === question.policy ? question : { ...question, policy };
    },
  };
}
