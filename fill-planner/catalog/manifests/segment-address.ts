import type { OperationalError } from '../../../src/errors/operational-error.ts';
import { childElement, childElements, type XmlElement } from '../../../src/xml/xml-document.ts';

/**
 * The four ways in which DASH addresses segments (ISO/IEC 23009-1 section 5.3.9): one file with an index, a list, a
 * template over numbers, a template over a timeline. Attributes are inherited from Period to AdaptationSet to
 * Representation.
 */
export interface SegmentAddress {
  readonly kind: 'init' | 'segment';
  /** Absolute URL. */
  readonly url: string;
  /** `first` to `last` inclusive; undefined for the whole file. */
  readonly range: { readonly startByte: number; readonly sizeBytes: number } | undefined;
}

export interface AddressInput {
  /** Period, AdaptationSet, Representation. */
  readonly levels: readonly XmlElement[];
  readonly baseUrl: string;
  readonly id: string;
  readonly bandwidth: string;
  readonly periodSec: number;
  readonly broken: (why: string) => OperationalError;
}

const MAX_SEGMENTS = 200_000;

/** @throws what `broken` makes */
export function addressSegments(input: AddressInput): SegmentAddress[] {
  const template = merged(input.levels, 'SegmentTemplate');
  if (template !== undefined) return fromTemplate(template, input);
  const list = merged(input.levels, 'SegmentList');
  if (list !== undefined) return fromList(list, input);
  const base = merged(input.levels, 'SegmentBase');
  const file = { url: input.baseUrl, range: undefined } as const;
  const parts: SegmentAddress[] = [{ kind: 'segment', ...file }];
  if (base === undefined) return parts;
  const initialization = base.child('Initialization');
  const initUrl = initialization?.getAttribute('sourceURL');
  const initRange = initialization?.getAttribute('range');
  // Ranges inside the one file are kept as claims about it, to be checked against its size and boxes.
  if (initialization !== undefined)
    parts.unshift({
      kind: 'init',
      url: resolve(initUrl ?? '', input),
      range: parseRange(initRange ?? null, input),
    });
  const indexRange = parseRange(base.attribute('indexRange') ?? null, input);
  if (indexRange !== undefined) parts.push({ kind: 'segment', url: input.baseUrl, range: indexRange });
  return parts;
}

/** An element with what it inherits from the same element further up. */
interface Merged {
  attribute(name: string): string | undefined;
  child(name: string): XmlElement | undefined;
  children(name: string): XmlElement[];
}

function merged(levels: readonly XmlElement[], name: string): Merged | undefined {
  const found = levels.flatMap((level) => childElement(level, name) ?? []).reverse();
  if (found.length === 0) return undefined;
  return {
    attribute: (attribute) =>
      found.find((element) => element.hasAttribute(attribute))?.getAttribute(attribute) ?? undefined,
    child: (child) => found.map((element) => childElement(element, child)).find((element) => element !== undefined),
    children: (child) => found.map((element) => childElements(element, child)).find((list) => list.length > 0) ?? [],
  };
}

function fromList(list: Merged, input: AddressInput): SegmentAddress[] {
  const initialization = list.child('Initialization');
  const init: SegmentAddress[] =
    initialization === undefined
      ? []
      : [
          {
            kind: 'init',
            url: resolve(initialization.getAttribute('sourceURL') ?? '', input),
            range: parseRange(initialization.getAttribute('range'), input),
          },
        ];
  const segments = list.children('SegmentURL').map(
    (element): SegmentAddress => ({
      kind: 'segment',
      url: resolve(element.getAttribute('media') ?? '', input),
      range: parseRange(element.getAttribute('mediaRange'), input),
    }),
  );
  if (segments.length === 0) throw input.broken('its SegmentList is empty');
  return [...init, ...segments];
}

function fromTemplate(template: Merged, input: AddressInput): SegmentAddress[] {
  const media = template.attribute('media');
  if (media === undefined) throw input.broken('its SegmentTemplate has no media attribute');
  const initialization = template.attribute('initialization');
  const address = (kind: SegmentAddress['kind'], text: string, number: number, time: number): SegmentAddress => ({
    kind,
    url: resolve(expand(text, { ...input, number, time }), input),
    range: undefined,
  });
  const startNumber = Number(template.attribute('startNumber') ?? 1);
  const times = segmentTimes(template, input, startNumber);
  return [
    ...(initialization === undefined ? [] : [address('init', initialization, 0, 0)]),
    ...times.map((time, index) => address('segment', media, startNumber + index, time)),
  ];
}

/** Start time of each segment in timescale units. */
function segmentTimes(template: Merged, input: AddressInput, startNumber: number): number[] {
  const timescale = Number(template.attribute('timescale') ?? 1);
  const endNumber = template.attribute('endNumber');
  const timeline = template.child('SegmentTimeline');
  const periodTicks = input.periodSec * timescale;
  if (timeline !== undefined) return timelineTimes(timeline, periodTicks, input);
  const duration = Number(template.attribute('duration') ?? Number.NaN);
  if (!(duration > 0) || !(timescale > 0))
    throw input.broken('its SegmentTemplate has neither a SegmentTimeline nor a duration');
  // A remainder below a thousandth of a segment is rounding of the durations, not one more file.
  const count =
    endNumber === undefined ? Math.ceil(periodTicks / duration - 0.001) : Number(endNumber) - startNumber + 1;
  if (!(count >= 1 && count <= MAX_SEGMENTS)) throw input.broken(`it counts ${count} segments`);
  return Array.from({ length: count }, (_, index) => index * duration);
}

function timelineTimes(timeline: XmlElement, periodTicks: number, input: AddressInput): number[] {
  const times: number[] = [];
  const entries = childElements(timeline, 'S');
  let time = 0;
  for (const [index, entry] of entries.entries()) {
    time = Number(entry.getAttribute('t') ?? time);
    const duration = Number(entry.getAttribute('d') ?? Number.NaN);
    if (!(duration > 0) || !Number.isFinite(time)) throw input.broken('its SegmentTimeline has an entry without d');
    let repeats = Number(entry.getAttribute('r') ?? 0);
    if (repeats < 0) {
      const nextTime = entries[index + 1]?.getAttribute('t') ?? undefined;
      repeats = Math.ceil(((nextTime === undefined ? periodTicks : Number(nextTime)) - time) / duration - 0.001) - 1;
    }
    if (!(times.length + repeats < MAX_SEGMENTS)) throw input.broken(`it has more than ${MAX_SEGMENTS} segments`);
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      times.push(time);
      time += duration;
    }
  }
  if (times.length === 0) throw input.broken('its SegmentTimeline is empty');
  return times;
}

function expand(
  text: string,
  values: { readonly id: string; readonly bandwidth: string; readonly number: number; readonly time: number },
): string {
  return text.replace(
    /\$(?:(RepresentationID|Number|Bandwidth|Time)(?:%0(\d{1,2})d)?)?\$/g,
    (_, name?: string, width?: string) => {
      const plain = { RepresentationID: values.id, Bandwidth: values.bandwidth }[name ?? ''];
      const number = { Number: values.number, Time: values.time }[name ?? ''];
      const value = plain ?? (number === undefined ? '$' : String(number));
      return value.padStart(Number(width ?? 0), '0');
    },
  );
}

function resolve(reference: string, input: AddressInput): string {
  if (!URL.canParse(reference, input.baseUrl)) throw input.broken(`'${reference.slice(0, 100)}' is no URL`);
  return new URL(reference, input.baseUrl).href;
}

function parseRange(text: string | null, input: AddressInput): SegmentAddress['range'] {
  if (text === null) return undefined;
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || last < first) throw input.broken(`'${text}' is no byte range FIRST-LAST`);
  return { startByte: first, sizeBytes: last - first + 1 };
}
