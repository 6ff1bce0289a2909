/** What is known of an object besides its bytes. Header names are lower-case. */
export interface ObjectDescription {
  /** The cache key: path, with the query parameters that count. */
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
}
