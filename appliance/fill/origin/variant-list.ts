/**
 * Several objects under one key, told apart by request fields (Vary). Pure.
 *
 * Under the key itself stands an empty object whose description lists the variants and the names under which they are
 * stored. So a restart finds them without a search, an object that varies costs one more look in memory, and one row
 * removed takes all of them from sight. The names have a random part: what is left of an older list is found by nobody
 * and goes when room is needed.
 *
 * The list is bounded: an origin that varies by User-Agent would otherwise keep a film a thousand times. The newest
 * stay, since what is asked for comes back to the head of the list when it is confirmed or replaced.
 */
import { isSelected, type RequestField, type SelectedBy, selectionName } from '../../../src/http/vary.ts';
import type { ObjectDescription, Variant } from '../../store/object-description.ts';

/** The description of the empty object that stands for several. Never served: it only says where to look. */
export function describeVariants(key: string, variants: readonly Variant[], nowMs: number): ObjectDescription {
  return {
    key,
    sizeBytes: 0,
    etag: '"variants"',
    headers: {},
    confirmedAtMs: nowMs,
    initialAgeMs: 0,
    freshnessMs: 0,
    staleIfErrorMs: 0,
    variants,
  };
}

/** Where the object for a request is; of several that fit the newest (RFC 9111 section 4.1). */
export function findVariant(variants: readonly Variant[], field: RequestField): Variant | undefined {
  return variants.find(({ selectedBy }) => isSelected(selectedBy, field));
}

/** The list with one more at its head, in the place of one that was chosen alike, and what had to go for it. */
export function withVariant(
  variants: readonly Variant[],
  added: Variant,
  maxVariants: number,
): { readonly variants: readonly Variant[]; readonly dropped: readonly string[] } {
  const others = variants.filter(({ selectedBy }) => !isAlike(selectedBy, added.selectedBy));
  const kept = [added, ...others.slice(0, maxVariants - 1)];
  const keptKeys = new Set(kept.map(({ storeKey }) => storeKey));
  const dropped = variants.map(({ storeKey }) => storeKey).filter((storeKey) => !keptKeys.has(storeKey));
  return { variants: kept, dropped: [...new Set(dropped)] };
}

/** The names by which the answers of a key were told apart last; none where they are not. */
export function lastNames(variants: readonly Variant[]): readonly string[] {
  return Object.keys(variants[0]?.selectedBy ?? {});
}

function isAlike(left: SelectedBy, right: SelectedBy): boolean {
  return nameOf(left) === nameOf(right);
}

function nameOf(by: SelectedBy): string {
  const names = Object.keys(by).sort();
  return `${names.join()} ${selectionName(names, (name) => by[name] ?? undefined)}`;
}
