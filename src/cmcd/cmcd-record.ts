/**
 * What a player says of its playback with a request, or in a report of its own: Common Media Client Data, CTA-5004 (no
 * `v`, 2020) and CTA-5004-B (`v=2`, 2026). Both versions give the same record: where version 1 has an integer and
 * version 2 a list with one member per kind of media, the list is reduced to the one number that a server can act on.
 * Everything may be absent; a value of the wrong type is as if absent (sections 6.3 to 6.6).
 */
export interface CmcdRecord {
  /** `v` */
  version: 1 | 2;
  /** `sid`: opaque, made by the player. Names a viewer's session, so it is never kept. */
  sessionId: string | undefined;
  /** `ot`: a audio, v video, av both, i init segment, m manifest, c captions, tt timed text, k key, o other. */
  objectType: string | undefined;
  /** `st`: v on demand, l live, ll low latency live. */
  streamType: string | undefined;
  /** `br`: of the object; of several the highest. */
  bitrateKbitPerSec: number | undefined;
  /** `d`: how long the object plays. */
  durationMs: number | undefined;
  /** `bl`: of several buffers the emptiest, because that one stalls first. */
  bufferMs: number | undefined;
  /** `mtp`: what the player measures; of several the highest. */
  throughputKbitPerSec: number | undefined;
  /** `rtp`: the most that the player wants. */
  requestedMaxKbitPerSec: number | undefined;
  /** `bs`: the buffer ran empty since the last request. */
  starved: boolean;
  /** `su`: wanted at once: start, seek, or after a stall. */
  urgent: boolean;
  /** `nor`: the objects that will be asked for next, relative to this one. */
  nextObjects: readonly string[];
  /** `e`: what a report is about; only in event mode. */
  event: string | undefined;
  /** `sta`: s starting, p playing, k seeking, r rebuffering, a paused, w waiting, e ended, f failed, q quit, d preloading. */
  state: string | undefined;
  /** `h`, or the host of `url`: who delivered. */
  host: string | undefined;
  /** `rc`: the status of a response; 0 when none came. */
  responseCode: number | undefined;
  /** `ttlb`: from the request to the last byte. */
  lastByteMs: number | undefined;
  /** `ec`: the player names an error. */
  hasErrorCode: boolean;
}

export const emptyRecord = (): CmcdRecord => ({
  version: 1,
  sessionId: undefined,
  objectType: undefined,
  streamType: undefined,
  bitrateKbitPerSec: undefined,
  durationMs: undefined,
  bufferMs: undefined,
  throughputKbitPerSec: undefined,
  requestedMaxKbitPerSec: undefined,
  starved: false,
  urgent: false,
  nextObjects: [],
  event: undefined,
  state: undefined,
  host: undefined,
  responseCode: undefined,
  lastByteMs: undefined,
  hasErrorCode: false,
});
