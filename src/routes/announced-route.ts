/** One path to one prefix, as one peer announced it. */
export interface AnnouncedRoute {
  /** CIDR, in the form of RFC 5952 for IPv6. */
  readonly prefix: string;
  /** Length as RFC 4271 section 9.1.2.2 counts it: a set is one, a confederation nothing. */
  readonly asPathLength: number;
  /** As `bgpdump` and routers print it: sets in braces, confederations in parentheses. */
  readonly asPath: string;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  /** `asn:value`, and `asn:value:value` for large ones (RFC 8092). */
  readonly communities: readonly string[];
  readonly peerAsn: number | undefined;
}

/** Whether `a` is the better path of two to one prefix: the shorter, then the lower MED. */
export function isBetterPath(a: AnnouncedRoute, b: AnnouncedRoute): boolean {
  return a.asPathLength < b.asPathLength || (a.asPathLength === b.asPathLength && (a.med ?? 0) < (b.med ?? 0));
}
