import { z } from 'zod';
import { ContractError, parseContract } from '../../src/contracts/contract.ts';
import { clusterIdSchema, renditionIdSchema, siteIdSchema, titleIdSchema } from '../../src/contracts/ids.ts';
import { localInstant } from '../../src/world/local-times.ts';
import type { CalendarFacts, ExpectedDemand, Launch, Pin, Retirement } from './calendar-facts.ts';

/**
 * The calendar as people write it: one document of launches, retirements and pins, times as texts with their zone. It
 * is what `oca calendar import` sends, what `oca calendar show --json` prints, and what an editor's tool may produce.
 * One launch may name several regions; inside, each region is a launch of its own.
 */
const DAY_MS = 86_400_000;
const DEFAULT_GRACE_DAYS = 7;
const MAX_ENTRIES = 100_000;
const MAX_REASON_CHARS = 200;

const regionSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'must be 1 to 32 letters, digits, _ and -');
const ZONED = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const LOCAL = /^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}) ([A-Za-z][A-Za-z0-9_+/-]{1,62})$/;

/** The instant of a text, in ms; undefined when it is none, or names no zone. */
export function instantOf(text: string): number | undefined {
  if (ZONED.test(text)) {
    const ms = Date.parse(text);
    return Number.isNaN(ms) ? undefined : ms;
  }
  const [, wallTime, zone] = LOCAL.exec(text) ?? [];
  if (wallTime === undefined || zone === undefined) return undefined;
  try {
    return localInstant(zone, wallTime);
  } catch {
    return undefined;
  }
}

const timeSchema = z.string().transform((text, context) => {
  const ms = instantOf(text);
  if (ms !== undefined && ms >= 0) return ms;
  context.addIssue(
    `'${text.slice(0, 64)}' is no time with a zone: write 2026-12-01T20:00Z, 2026-12-01T20:00+01:00 or '2026-12-01 20:00 Europe/Berlin'`,
  );
  return z.NEVER;
});

const launchSchema = z
  .strictObject({
    title: titleIdSchema,
    at: timeSchema,
    /** None: everywhere. */
    regions: z.array(regionSchema).max(1000).default([]),
    like: titleIdSchema.optional(),
    factor: z.number().positive().max(1000).optional(),
    bytesPerDay: z.number().positive().max(1e18).optional(),
    embargo: z.boolean().default(false),
  })
  .refine(
    ({ like, bytesPerDay }) => like === undefined || bytesPerDay === undefined,
    'give like or bytesPerDay, not both',
  )
  .refine(({ like, factor }) => factor === undefined || like !== undefined, 'factor belongs to like: give both')
  .refine(({ like, title }) => like !== title, 'like must name another title');

const retirementSchema = z.strictObject({
  title: titleIdSchema,
  at: timeSchema,
  graceDays: z.number().min(0).max(3650).default(DEFAULT_GRACE_DAYS),
});

const pinSchema = z
  .strictObject({
    title: titleIdSchema.optional(),
    rendition: renditionIdSchema.optional(),
    part: z.enum(['whole', 'head']).default('whole'),
    cluster: clusterIdSchema.optional(),
    site: siteIdSchema.optional(),
    region: regionSchema.optional(),
    until: timeSchema.optional(),
    reason: z.string().max(MAX_REASON_CHARS).optional(),
  })
  .refine(({ title, rendition }) => (title === undefined) !== (rendition === undefined), 'give title or rendition')
  .refine(
    ({ cluster, site, region }) => [cluster, site, region].filter((place) => place !== undefined).length <= 1,
    'give one of cluster, site and region, or none for everywhere',
  );

const calendarSchema = z.strictObject({
  launches: z.array(launchSchema).max(MAX_ENTRIES).default([]),
  retirements: z.array(retirementSchema).max(MAX_ENTRIES).default([]),
  pins: z.array(pinSchema).max(MAX_ENTRIES).default([]),
});

/** @throws ContractError that names every field that is wrong, and every entry that is there twice */
export function parseCalendar(body: unknown): CalendarFacts {
  const calendar = parseContract('calendar', calendarSchema, body);
  const facts = {
    launches: calendar.launches.flatMap(toLaunches),
    retirements: calendar.retirements.map(toRetirement),
    pins: calendar.pins.map(toPin),
  };
  const retiresAtMs = new Map(facts.retirements.map((retirement) => [retirement.titleId, retirement.retiresAtMs]));
  const problems = [
    ...twice(facts.launches.map(keyOfLaunch), 'launches'),
    ...twice(facts.retirements.map(keyOfRetirement), 'retirements'),
    ...twice(
      facts.pins.map(({ id }) => id),
      'pins',
    ),
    ...facts.launches.flatMap(({ titleId, startsAtMs }) =>
      (retiresAtMs.get(titleId) ?? Infinity) <= startsAtMs
        ? [`retirements: '${titleId}' would retire before it launches`]
        : [],
    ),
  ];
  if (problems.length > 0) throw new ContractError('calendar', problems.slice(0, 8));
  return facts;
}

/** What makes two entries the same one: a later word replaces an earlier. */
export const keyOfLaunch = ({ titleId, region }: Pick<Launch, 'titleId' | 'region'>): string =>
  region === undefined ? titleId : `${titleId}@${region}`;
export const keyOfRetirement = ({ titleId }: Pick<Retirement, 'titleId'>): string => titleId;

/** The document again, as `parseCalendar` takes it. Pins of triggers are left out: they belong to their triggers. */
export function writeCalendar({ launches, retirements, pins }: CalendarFacts): object {
  return {
    launches: launches.map(({ titleId, region, startsAtMs, expected, isEmbargoed }) => ({
      title: titleId,
      at: textOf(startsAtMs),
      ...(region === undefined ? {} : { regions: [region] }),
      ...writeExpected(expected),
      ...(isEmbargoed ? { embargo: true } : {}),
    })),
    retirements: retirements.map(({ titleId, retiresAtMs, deletesAtMs }) => ({
      title: titleId,
      at: textOf(retiresAtMs),
      graceDays: (deletesAtMs - retiresAtMs) / DAY_MS,
    })),
    pins: pins
      .filter(({ id }) => !isTriggerPin(id))
      .map(({ subject, part, place, endsAtMs, reason }) => ({
        ...(subject.by === 'title' ? { title: subject.titleId } : { rendition: subject.renditionId }),
        ...(part === 'head' ? { part } : {}),
        ...(place.by === 'cluster' ? { cluster: place.clusterId } : {}),
        ...(place.by === 'site' ? { site: place.siteId } : {}),
        ...(place.by === 'region' ? { region: place.region } : {}),
        ...(endsAtMs === undefined ? {} : { until: textOf(endsAtMs) }),
        ...(reason === undefined ? {} : { reason }),
      })),
  };
}

const TRIGGER_PIN = 'trigger ';
/** No id that people can make begins so: theirs begin with a title. */
export const triggerPinId = (triggerId: string, renditionId: string): string =>
  `${TRIGGER_PIN}${triggerId} ${renditionId}`;
export const isTriggerPin = (id: string): boolean => id.startsWith(TRIGGER_PIN);

function toLaunches({
  title,
  at,
  regions,
  like,
  factor,
  bytesPerDay,
  embargo,
}: z.infer<typeof launchSchema>): Launch[] {
  const expected: ExpectedDemand | undefined =
    like === undefined
      ? bytesPerDay === undefined
        ? undefined
        : { by: 'bytes', bytesPerDay }
      : { by: 'like', titleId: like, factor: factor ?? 1 };
  return (regions.length === 0 ? [undefined] : regions).map((region) => ({
    titleId: title,
    region,
    startsAtMs: at,
    expected,
    isEmbargoed: embargo,
  }));
}

function toRetirement({ title, at, graceDays }: z.infer<typeof retirementSchema>): Retirement {
  return { titleId: title, retiresAtMs: at, deletesAtMs: at + Math.round(graceDays * DAY_MS) };
}

function toPin({ title, rendition, part, cluster, site, region, until, reason }: z.infer<typeof pinSchema>): Pin {
  const subject: Pin['subject'] =
    rendition === undefined ? { by: 'title', titleId: title ?? '' } : { by: 'rendition', renditionId: rendition };
  const place: Pin['place'] =
    cluster === undefined
      ? site === undefined
        ? region === undefined
          ? { by: 'everywhere' }
          : { by: 'region', region }
        : { by: 'site', siteId: site }
      : { by: 'cluster', clusterId: cluster };
  const where = cluster ?? site ?? region;
  const id = `${rendition ?? title}${part === 'head' ? ' head' : ''} ${place.by}${where === undefined ? '' : ` ${where}`}`;
  return { id, subject, part, place, endsAtMs: until, reason };
}

function writeExpected(expected: ExpectedDemand | undefined): object {
  if (expected === undefined) return {};
  if (expected.by === 'bytes') return { bytesPerDay: expected.bytesPerDay };
  return { like: expected.titleId, ...(expected.factor === 1 ? {} : { factor: expected.factor }) };
}

function twice(keys: readonly string[], list: string): string[] {
  const seen = new Set<string>();
  return keys.flatMap((key) => {
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [`${list}: '${key}' is there twice`];
  });
}

const textOf = (ms: number): string => new Date(ms).toISOString();
