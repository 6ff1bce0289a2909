/**
 * Which of several stored responses a request may get: Vary, RFC 9111 section 4.1 and RFC 9110 section 12.5.5.
 *
 * A response names the request fields that it was chosen by. Another request gets it only when it has the same values
 * in those fields, or lacks them likewise. "Same" allows for differences that mean nothing: blanks around commas and
 * semicolons, and the case of letters where the field's own rules ignore it. Anything cleverer (is `en, de` the same
 * wish as `de, en`?) would have to know each field, and a miss costs one request while a false match costs the truth.
 */
import { varyNames } from './cache-control.ts';
import { isForwarded, isSecret } from './forwarded-fields.ts';

/** Field name in lower case to the value that a response was chosen by; null where the request had no such field. */
export type SelectedBy = Readonly<Record<string, string | null>>;

/** A request's value of a field by its lower-case name, repeated lines joined; undefined when it has none. */
export type RequestField = (name: string) => string | undefined;

const caseless = new Set(['accept', 'accept-charset', 'accept-language']);

/**
 * The fields that decide which response a request gets: those that Vary names, except fields that never go upstream
 * and thus choose nothing there (the coding, the player's site, its reports). Cookies and credentials stay on the list
 * although they do not go upstream: who sends them hopes for another answer. `*` is kept.
 */
export function decidingFields(vary: string | undefined): readonly string[] {
  return varyNames(vary).filter((name) => name === '*' || isForwarded(name) || isSecret(name));
}

/** What a request chooses by; undefined when it has a cookie or credentials among them, which are not to be kept. */
export function selectedBy(names: readonly string[], field: RequestField): SelectedBy | undefined {
  if (names.some((name) => isSecret(name) && field(name) !== undefined)) return undefined;
  return Object.fromEntries(names.map((name) => [name, field(name)?.trim() ?? null]));
}

/** Whether a request may get the response that was chosen by these values. */
export function isSelected(by: SelectedBy, field: RequestField): boolean {
  return Object.entries(by).every(([name, value]) => {
    const presented = field(name);
    if (value === null || presented === undefined) return value === null && presented === undefined;
    return normalised(name, value) === normalised(name, presented);
  });
}

/** A text that is equal for requests which choose the same by these fields. */
export function selectionName(names: readonly string[], field: RequestField): string {
  return JSON.stringify(
    names.map((name) => {
      const value = field(name);
      return value === undefined ? null : normalised(name, value);
    }),
  );
}

function normalised(name: string, value: string): string {
  // A quoted string may hold blanks and commas that count.
  const spaced = value.includes('"') ? value.trim() : value.trim().replace(/[ \t]*([,;])[ \t]*/g, '$1');
  return caseless.has(name) && !value.includes('"') ? spaced.toLowerCase() : spaced;
}
