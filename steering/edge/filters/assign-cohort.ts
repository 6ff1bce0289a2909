import type { PolicyKeeper } from '../../policy/policy-keeper.ts';
import type { EdgeFilter } from '../edge-question.ts';

/** In which cohort a session is, or in whose control: drawn by its id, so it is the same at every replica. */
export function assignCohort(keeper: Pick<PolicyKeeper, 'seatOf'>): EdgeFilter {
  return {
    name: 'cohort',
    does: "the session's cohort or control group, drawn by its id",
    shapes: false,
    apply: (question) => {
      const seat = keeper.seatOf(question.sessionId, question.clientAddress);
      return seat === undefined ? question : { ...question, seat };
    },
  };
}
