/**
 * What sending threads may be shown: objects that they can answer for with what is in their description alone.
 *
 * The reference engine looks at more than an object: at the request's fields where answers vary, at the origin where one
 * must be confirmed, at a clock that makes it stale. A sending thread looks at a clock and nothing else. So an object is
 * shown when the reference engine would serve it to a request that wants nothing special (`judgeReuse` without any
 * directive), and until the moment from which that would be otherwise. Requests that want something special are handed
 * over by their fields, and so need no thought here.
 */
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { parseEtag } from '../../src/http/etag.ts';
import { decidingFields } from '../../src/http/vary.ts';
import { clientValidators } from '../fill/origin/read-answer.ts';
import type { PublishedDescription } from '../memory/published.ts';
import type { ObjectDescription } from '../store/object-description.ts';
import { ageOf, judgeReuse } from './judge-reuse.ts';

/** Characters of fields and their names. An answer's head with them stays under MAX_ANSWER_HEAD_BYTES. */
const MAX_FIELD_CHARS = 6144;
const NO_DIRECTIVES = parseCacheControl(undefined);

/**
 * What sending threads are shown of an object; undefined for one that they may not answer for at all. To be asked again
 * when the description changes.
 * @param nowMs wall clock
 */
export function describePublished(description: ObjectDescription, nowMs: number): PublishedDescription | undefined {
  const { key, sizeBytes, etag, headers, manifestRoot, initialAgeMs, confirmedAtMs, freshnessMs } = description;
  // An empty one has no block; the object that stands for several under a key is empty, too.
  if (sizeBytes === 0 || isOneOfSeveral(description)) return undefined;
  if (parseEtag(etag)?.weak !== false || charsOf(headers) > MAX_FIELD_CHARS) return undefined;
  if (judgeReuse(description, NO_DIRECTIVES, ageOf(description, nowMs)).kind !== 'serve') return undefined;
  return {
    key,
    sizeBytes,
    etag,
    headers,
    validators: clientValidators(description),
    initialAgeMs,
    confirmedAtMs,
    freshnessMs,
    freshUntilMs: manifestRoot === undefined ? confirmedAtMs + freshnessMs - initialAgeMs : Number.POSITIVE_INFINITY,
  };
}

/** Which of the objects under a key a request gets is found by its fields (Vary). */
const isOneOfSeveral = ({ key, selectedBy, variants, headers }: ObjectDescription): boolean =>
  selectedBy !== undefined || variants !== undefined || key.includes(' ') || decidingFields(headers['vary']).length > 0;

function charsOf(headers: Readonly<Record<string, string>>): number {
  let chars = 0;
  for (const [name, value] of Object.entries(headers)) chars += name.length + value.length + ': \r\n'.length;
  return chars;
}
