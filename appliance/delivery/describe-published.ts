import type { PublishedDescription } from '../memory/published.ts';
import type { ObjectDescription } from '../store/object-description.ts';

/**
 * What sending threads are shown of an object; undefined for one that they may not answer for at all. To be asked again
 * when the description changes.
 * @param nowMs wall clock
 */
export function describePublished(_description: ObjectDescription, _nowMs: number): PublishedDescription | undefined {
  throw new Error('not built yet');
}
