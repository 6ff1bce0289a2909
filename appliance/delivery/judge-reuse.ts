import { type CacheControl, selectCachePolicy } from '../../src/http/cache-control.ts';
import { chooseReuse, type Reuse } from '../../src/http/reuse.ts';
import type { ObjectDescription } from '../store/object-description.ts';

/** How old something is now, in ms (RFC 9111 section 4.2.3). Never younger than it came, whatever the clock does. */
export function ageOf(known: Pick<ObjectDescription, 'initialAgeMs' | 'confirmedAtMs'>, nowMs: number): number {
  return known.initialAgeMs + Math.max(0, nowMs - known.confirmedAtMs);
}

/** Whether what is held answers a request with these directives (RFC 9111 section 4). */
export function judgeReuse(
  description: Pick<ObjectDescription, 'headers' | 'freshnessMs' | 'staleIfErrorMs' | 'manifestRoot'>,
  request: CacheControl,
  ageMs: number,
): Reuse {
  // Checked against a manifest, which names content: it cannot become stale, and nobody upstream knows better.
  if (description.manifestRoot !== undefined) return { kind: 'serve' };
  const { headers, freshnessMs, staleIfErrorMs } = description;
  const { directives } = selectCachePolicy({
    cacheControl: headers['cache-control'],
    cdnCacheControl: headers['cdn-cache-control'],
    expires: headers['expires'],
  });
  return chooseReuse({
    stored: { ...directives, staleIfErrorSeconds: staleIfErrorMs / 1000 },
    request,
    lifetimeMs: freshnessMs,
    ageMs,
  });
}
