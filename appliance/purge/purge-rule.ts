/**
 * What an operator wants gone, as a question that can be put to any object: is it meant?
 *
 * Objects are held, on their way, or asked about and still without a head. Of the last kind only the key is known, and
 * a tag may yet turn out to be on them; `mayMean` answers for them, and errs on the side of asking the origin again.
 */

import { targetOf } from '../store/object-description.ts';
import { type CompiledPattern, fitsPattern } from './url-pattern.ts';

/** One of these, never two: what they mean together would need explaining. Keys and prefixes are normalised. */
export type PurgeRule =
  /** Exactly this cache key: the path, with the query if there is one. */
  | { readonly by: 'key'; readonly key: string }
  /** The key, but only the generation that had this entity tag. */
  | { readonly by: 'generation'; readonly key: string; readonly etag: string }
  /** Every key that begins so. */
  | { readonly by: 'prefix'; readonly prefix: string }
  /** Every key that fits, as in the triggers of CDN interconnection. */
  | { readonly by: 'pattern'; readonly pattern: CompiledPattern }
  /** The keys that the plan has for a title. */
  | { readonly by: 'title'; readonly title: string; readonly keys: ReadonlySet<string> }
  /** What the origin gave this tag. */
  | { readonly by: 'tag'; readonly tag: string };

/** What is known of an object. Header names are lower-case. */
export interface PurgeTarget {
  /** As it is stored: of several objects under one key (Vary) each has its own, behind the key and a blank. */
  readonly key: string;
  /** What clients got, and what the origin said where that differs. */
  readonly etag?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Longer tags and more of them per object are not looked at: what an origin sends is bounded here, too. */
export const MAX_TAG_CHARS = 128;
const MAX_TAG_FIELD_CHARS = 8192;

/**
 * The fields in which origins name what an object belongs to. Cache-Tag is a list with commas; Surrogate-Key and xkey
 * have blanks between. All are read in both ways, since a tag has neither.
 */
const TAG_FIELDS = ['cache-tag', 'surrogate-key', 'xkey'] as const;

/** Whether an object is meant. Linear in its tags; nothing else takes longer than a comparison. */
export function means(rule: PurgeRule, target: PurgeTarget): boolean {
  switch (rule.by) {
    case 'key':
      return targetOf(target.key) === rule.key;
    case 'generation':
      return targetOf(target.key) === rule.key && isTaggedAs(target, rule.etag);
    case 'prefix':
      return target.key.startsWith(rule.prefix);
    case 'pattern':
      return fitsPattern(rule.pattern, targetOf(target.key));
    case 'title':
      return rule.keys.has(targetOf(target.key));
    case 'tag':
      return TAG_FIELDS.some((name) => names(target.headers[name], rule.tag));
  }
}

/** Whether what is still being asked about under a key may turn out to be meant. */
export function mayMean(rule: PurgeRule, key: string): boolean {
  if (rule.by === 'tag') return true;
  if (rule.by === 'generation') return targetOf(key) === rule.key;
  return means(rule, { key, headers: {} });
}

function isTaggedAs({ etag, headers }: PurgeTarget, wanted: string): boolean {
  return etag === wanted || headers['etag'] === wanted;
}

function names(field: string | readonly string[] | undefined, tag: string): boolean {
  if (field === undefined) return false;
  const text = (typeof field === 'string' ? field : field.join(',')).slice(0, MAX_TAG_FIELD_CHARS);
  // Most objects have other tags: a look without taking the list apart is all that they cost.
  return text.includes(tag) && text.split(/[\s,]+/).includes(tag);
}
