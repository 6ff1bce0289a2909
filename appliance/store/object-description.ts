import type { SelectedBy } from '../../src/http/vary.ts';

/** What is known of an object besides its bytes. Header names are lower-case. */
export interface ObjectDescription {
  /**
   * The cache key: path, with the query parameters that count. Of several objects under one key, each has a blank and a
   * part of its own behind it: `targetOf` gives what was asked for.
   */
  readonly key: string;
  readonly sizeBytes: number;
  /** The strong entity tag that clients get, with its quotes. */
  readonly etag: string;
  /** Response headers to give back: content-type, last-modified, cache-control ... No hop-by-hop, no content-length. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set when blocks are checked against this signed manifest; such an object needs no freshness. */
  readonly manifestRoot?: string;
  /** The origin's own strong validator, for If-Range and If-None-Match; absent when it gave none. */
  readonly sourceEtag?: string;
  /** Wall clock when the origin last confirmed it, its age then (RFC 9111 4.2.3), and how long it is fresh from age 0. */
  readonly confirmedAtMs: number;
  readonly initialAgeMs: number;
  readonly freshnessMs: number;
  /** How long past its freshness it may be served when the origin fails; 0 where must-revalidate or no-cache forbid it. */
  readonly staleIfErrorMs: number;
  /** The request fields by which it was chosen among others (Vary), as they were sent. */
  readonly selectedBy?: SelectedBy;
  /**
   * On the empty object that stands under a key whose answers vary: where they are, the newest first. Removing it
   * removes them all from sight, also after a restart.
   */
  readonly variants?: readonly Variant[];
}

/** One of the objects under a key. */
export interface Variant {
  readonly selectedBy: SelectedBy;
  readonly storeKey: string;
}

/** The path and query of an object's key, without what tells it from others of the same key. A target has no blanks. */
export function targetOf(key: string): string {
  const blankAt = key.indexOf(' ');
  return blankAt === -1 ? key : key.slice(0, blankAt);
}

/** The request fields that an object was chosen by, to ask for more of it; empty where there is no choice. */
export function chosenBy({ selectedBy = {} }: ObjectDescription): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(selectedBy).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  );
}
