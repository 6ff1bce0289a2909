import { OperationalError } from '../../../src/errors/operational-error.ts';
import { childElement, childElements, parseXml, type XmlElement, XmlError } from '../../../src/xml/xml-document.ts';
import { addressSegments, type SegmentAddress } from './segment-address.ts';

/** A DASH presentation description (ISO/IEC 23009-1) as ingest needs it: which files, which byte ranges in them. */
export interface Mpd {
  readonly durationMs: number;
  readonly representations: readonly MpdRepresentation[];
}

export interface MpdRepresentation {
  readonly id: string;
  readonly kind: 'video' | 'audio' | 'text';
  /** Absolute URLs, initialization first, in the order of playing. One that covers a whole file has no range. */
  readonly parts: readonly SegmentAddress[];
}

/** Of all representations: a template of forty characters names as many as it likes. */
const MAX_PARTS = 500_000;

/**
 * @param url absolute URL of the MPD, against which its references resolve
 * @throws OperationalError MEDIA_BROKEN when it is not the MPD of a finished title
 */
export function readMpd(text: string, url: string, namedIn: string): Mpd {
  const broken = (why: string): OperationalError => new OperationalError('MEDIA_BROKEN', `MPD ${namedIn} ${why}`);
  const root = parseRoot(text, broken);
  if (root.localName !== 'MPD') throw broken(`is a <${root.localName}> document`);
  if (root.getAttribute('type') === 'dynamic') throw broken('is of type dynamic: it is live, not a finished title');
  const mpdUrl = innerBase(root, url, broken);
  const wholeSec = parseDuration(root.getAttribute('mediaPresentationDuration'));
  const periods = childElements(root, 'Period');
  if (periods.length === 0) throw broken('has no Period');
  const representations = new Map<string, MpdRepresentation & { readonly parts: SegmentAddress[] }>();
  let durationSec = 0;
  let partCount = 0;
  for (const [index, period] of periods.entries()) {
    const periodSec = periodDuration(periods, index, durationSec, wholeSec);
    if (periodSec === undefined) throw broken(`does not say how long period ${index} is`);
    durationSec += periodSec;
    const periodUrl = innerBase(period, mpdUrl, broken);
    for (const set of childElements(period, 'AdaptationSet')) {
      const setUrl = innerBase(set, periodUrl, broken);
      for (const element of childElements(set, 'Representation')) {
        const id = element.getAttribute('id') ?? '';
        if (id === '') throw broken('has a Representation without id');
        const parts = addressSegments({
          levels: [period, set, element],
          baseUrl: innerBase(element, setUrl, broken),
          id,
          bandwidth: element.getAttribute('bandwidth') ?? '',
          periodSec,
          broken: (why) => broken(`representation ${id}: ${why}`),
        });
        partCount += parts.length;
        if (partCount > MAX_PARTS) throw broken(`names more than ${MAX_PARTS} segments`);
        // A later period continues the encoding of the same id.
        const earlier = representations.get(id)?.parts ?? [];
        for (const part of parts) earlier.push(part);
        representations.set(id, { id, kind: kindOf(set, element), parts: earlier });
      }
    }
  }
  if (representations.size === 0) throw broken('has no Representation');
  return { durationMs: Math.round((wholeSec ?? durationSec) * 1000), representations: [...representations.values()] };
}

function parseRoot(text: string, broken: (why: string) => OperationalError): XmlElement {
  try {
    const root = parseXml(text).documentElement;
    if (root === null) throw new XmlError('has no root element');
    return root;
  } catch (error) {
    if (error instanceof XmlError) throw broken(`is not XML that we take: ${error.message}`);
    throw error;
  }
}

function innerBase(element: XmlElement, baseUrl: string, broken: (why: string) => OperationalError): string {
  // Several BaseURLs are alternatives of equal content; the first is as good as any for reading the title.
  const reference = childElement(element, 'BaseURL')?.textContent?.trim() ?? '';
  if (reference === '') return baseUrl;
  if (!URL.canParse(reference, baseUrl)) throw broken(`has a BaseURL that is no URL: '${reference.slice(0, 100)}'`);
  return new URL(reference, baseUrl).href;
}

function periodDuration(
  periods: readonly XmlElement[],
  index: number,
  startSec: number,
  wholeSec: number | undefined,
): number | undefined {
  const own = parseDuration(periods[index]?.getAttribute('duration') ?? null);
  if (own !== undefined) return own;
  const next = periods[index + 1];
  const endSec = next === undefined ? wholeSec : parseDuration(next.getAttribute('start'));
  return endSec === undefined || endSec < startSec ? undefined : endSec - startSec;
}

function kindOf(set: XmlElement, representation: XmlElement): MpdRepresentation['kind'] {
  const type = (
    set.getAttribute('contentType') ??
    representation.getAttribute('mimeType') ??
    set.getAttribute('mimeType') ??
    'video'
  ).split('/')[0];
  return type === 'audio' || type === 'video' ? type : 'text';
}

const DURATION = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Seconds of an xs:duration; undefined without one. Years and months have no fixed length and are not taken. */
function parseDuration(text: string | null): number | undefined {
  const match = DURATION.exec(text ?? '');
  if (match === null || text === 'P' || match[1] !== undefined || match[2] !== undefined) return undefined;
  const [, , , days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
