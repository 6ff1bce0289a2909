import type { OverReason } from './messages.ts';

/** What a request asks for, in the short grammar that the fast path takes. One record per thread, filled anew by each. */
export interface RequestHead {
  isHead: boolean;
  /** As on the request line: starts with a slash, visible ASCII alone, of any length that a head may have. */
  target: string;
  /** A name or address and perhaps a port; never empty. */
  host: string;
  /** `bytes=first-`, `bytes=first-last` or `bytes=-length`, nothing else; a HEAD has none (RFC 9110 section 14.2). */
  range: string | undefined;
  /** The same in numbers, which are safe integers: -1 where it is a suffix, or there is no range. */
  rangeFirst: number;
  /** Inclusive, not below `rangeFirst`; -1 where the end of the object is meant. */
  rangeLast: number;
  /** 0 where it is no suffix. */
  suffixBytes: number;
  /** One strong entity tag each, with its quotes. */
  ifRange: string | undefined;
  ifNoneMatch: string | undefined;
  /** The fields that a player's report may be spread over (CTA-5004-B section 3.1). */
  cmcdRequest: string | undefined;
  cmcdObject: string | undefined;
  cmcdStatus: string | undefined;
  cmcdSession: string | undefined;
  /** `Connection: close`: the answer says so too, and ends the connection. */
  isLast: boolean;
  /** How long the head is, with the empty line. */
  lengthBytes: number;
}

/** 'whole': the record is filled. 'incomplete': more must come. Otherwise the reference engine's, and why. */
export type HeadReading = 'whole' | 'incomplete' | OverReason;

/** A record to be filled. */
export function emptyHead(): RequestHead {
  return {
    isHead: false,
    target: '',
    host: '',
    range: undefined,
    rangeFirst: -1,
    rangeLast: -1,
    suffixBytes: 0,
    ifRange: undefined,
    ifNoneMatch: undefined,
    cmcdRequest: undefined,
    cmcdObject: undefined,
    cmcdStatus: undefined,
    cmcdSession: undefined,
    isLast: false,
    lengthBytes: 0,
  };
}
