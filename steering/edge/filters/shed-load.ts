import type { EdgeFilter } from '../edge-question.ts';
import type { Shedder } from '../shed/shedder.ts';

/** Last of all: whether there is time to rank this one. What is important, and what came first, goes before. */
export function shedLoad(shedder: Shedder): EdgeFilter {
  return {
    name: 'shed',
    does: 'under overload the less important questions get the static order, never an error',
    shapes: false,
    apply: (question) => (shedder.admit(question.work, question.sessionId) ? question : 'service-busy'),
  };
}
