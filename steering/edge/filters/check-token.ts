import type { EdgeFilter } from '../edge-question.ts';
import type { EntryTokens } from '../entry-tokens.ts';

/** @param entry undefined where steering asks for no token: content is guarded at the appliances in any case */
export function checkToken(entry: EntryTokens | undefined): EdgeFilter {
  return {
    name: 'token',
    does: 'where the content provider gives tokens, refuses manifests and places to whoever brings none',
    shapes: false,
    apply: (question) =>
      entry === undefined ||
      question.work === 'report' ||
      entry.admits({ target: question.target, host: question.headers.host ?? '' })
        ? question
        : 'bad-token',
  };
}
