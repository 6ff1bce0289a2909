import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Clock } from '../../src/world/world.ts';
import { parseCalendar, writeCalendar } from '../calendar/calendar-document.ts';
import type { CalendarFacts } from '../calendar/calendar-facts.ts';
import type { CalendarChange, CalendarStore } from '../calendar/calendar-store.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';

export interface CalendarRoutesParts {
  readonly calendar: CalendarStore;
  readonly catalog: Pick<CatalogStore, 'renditions'>;
  readonly fleet: FleetStore;
  readonly clock: Clock;
}

const removalSchema = z.object({
  kind: z.enum(['launch', 'retirement', 'pin']),
  /** Launch, retirement: a title. Pin: its id, or the title or rendition that it pins. */
  of: z.string().min(1).max(300),
});
const MAX_NOT_THERE = 100;

/**
 * The calendar on the admin listener: `oca calendar`.
 *
 *     GET    /v1/calendar                          {"calendar": {launches, retirements, pins}, "notThereYet": [...]}
 *     POST   /v1/calendar                          adds a calendar's entries, each in place of an earlier one of its key
 *     PUT    /v1/calendar                          makes it the whole calendar
 *     DELETE /v1/calendar?kind=launch&of=TITLE     removes what is meant, 404 when there is nothing
 */
export function addCalendarRoutes(server: JsonServer, parts: CalendarRoutesParts): void {
  const { calendar, clock } = parts;
  const answerTo = (change: CalendarChange, written: CalendarFacts) => ({
    ...change,
    notThereYet: notThere(written, parts),
  });
  server.get('/v1/calendar', () => ({
    calendar: writeCalendar(calendar.facts),
    notThereYet: notThere(calendar.facts, parts),
  }));
  server.post('/v1/calendar', (request) => {
    const facts = parseCalendar(request.body);
    return answerTo(calendar.add(facts, clock.nowMs()), facts);
  });
  server.put('/v1/calendar', (request) => {
    const facts = parseCalendar(request.body);
    return answerTo(calendar.replace(facts, clock.nowMs()), facts);
  });
  server.delete('/v1/calendar', (request, reply) => {
    const { kind, of } = parseContract('calendar entry to remove', removalSchema, request.query);
    const pins = new Map(calendar.facts.pins.map((pin) => [pin.id, pin.subject]));
    const removed = calendar.remove(kind, (key) => {
      if (kind !== 'pin') return key === of || key.startsWith(`${of}@`);
      const subject = pins.get(key);
      return key === of || (subject?.by === 'title' ? subject.titleId : subject?.renditionId) === of;
    });
    return removed.length === 0
      ? sendProblem(
          reply,
          404,
          'NOT_FOUND',
          `the calendar has no ${kind} of '${of}': 'oca calendar show' lists what it has`,
        )
      : { removed };
  });
}

/** What a calendar names and nobody knows: no error, since calendars are written ahead, but a slip of the pen looks the same. */
function notThere({ launches, retirements, pins }: CalendarFacts, { catalog, fleet }: CalendarRoutesParts): string[] {
  const renditions = catalog.renditions();
  const { sites, clusters } = fleet.get().fleet;
  const has = {
    title: new Set(renditions.map(({ titleId }) => titleId)),
    rendition: new Set(renditions.map(({ id }) => id)),
    region: new Set(sites.map(({ region }) => region)),
    site: new Set(sites.map(({ id }) => id)),
    cluster: new Set(clusters.map(({ id }) => id)),
  };
  const missing = new Set<string>();
  const want = (kind: keyof typeof has, id: string | undefined): void => {
    if (id !== undefined && !has[kind].has(id)) missing.add(`${kind} ${id}`);
  };
  for (const { titleId, region, expected } of launches) {
    want('title', titleId);
    if (expected?.by === 'like') want('title', expected.titleId);
    want('region', region);
  }
  for (const { titleId } of retirements) want('title', titleId);
  for (const { subject, place } of pins) {
    if (subject.by === 'title') want('title', subject.titleId);
    else want('rendition', subject.renditionId);
    if (place.by === 'region') want('region', place.region);
    if (place.by === 'site') want('site', place.siteId);
    if (place.by === 'cluster') want('cluster', place.clusterId);
  }
  return [...missing].slice(0, MAX_NOT_THERE);
}
