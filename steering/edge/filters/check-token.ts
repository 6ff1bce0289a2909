import type { EdgeFilter } from '../edge-question.ts';

/** Where a question's own token is checked. Steering asks for none: its answers are worth nothing without content. */
export const checkToken: EdgeFilter = {
  name: 'token',
  does: 'passes everything: tokens are checked where content is, at the appliances',
  shapes: false,
  apply: (question) => question,
};
