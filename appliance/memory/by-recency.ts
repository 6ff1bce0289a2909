import { LRUCache } from 'lru-cache';

/** Entries in the order of their last use; `pop` takes the one whose use is longest ago. The one wrapper of lru-cache. */
export function byRecency<K extends {}, V extends {}>(limits: RecencyLimits<V>) {
  if ('maxEntries' in limits) return new LRUCache<K, V>({ max: limits.maxEntries });
  return new LRUCache<K, V>({ maxSize: limits.maxBytes, sizeCalculation: limits.bytesOf });
}

export type ByRecency<K extends {}, V extends {}> = ReturnType<typeof byRecency<K, V>>;

/** Beyond them the least recently used leaves. */
export type RecencyLimits<V> =
  | { readonly maxEntries: number }
  | { readonly maxBytes: number; readonly bytesOf: (value: V) => number };
