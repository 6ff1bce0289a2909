import { describe, expect, test } from 'vitest';
import { instantOf, parseCalendar, writeCalendar } from '../../../fill-planner/calendar/calendar-document.ts';
import { embargoedTitles, launchOf, pinsOf, retiredTitles } from '../../../fill-planner/calendar/calendar-facts.ts';

const DOCUMENT = {
  launches: [
    { title: 'season-2', at: '2026-12-01T19:00:00Z', regions: ['de', 'at'], like: 'season-1', factor: 1.3 },
    { title: 'season-2', at: '2026-12-02T19:00:00Z', bytesPerDay: 5e12, embargo: true },
  ],
  retirements: [{ title: 'old', at: '2026-12-31T23:00:00Z', graceDays: 14 }],
  pins: [
    { title: 'film', part: 'head' },
    { rendition: 'news/v1080', site: 'berlin', until: '2026-12-31T00:00Z', reason: 'contract' },
  ],
};

test('a document becomes launches per region, retirements with both their times, and pins', () => {
  const facts = parseCalendar(DOCUMENT);
  expect(facts.launches.map(({ titleId, region }) => [titleId, region])).toEqual([
    ['season-2', 'de'],
    ['season-2', 'at'],
    ['season-2', undefined],
  ]);
  expect(launchOf(facts.launches, 'season-2', 'de')?.expected).toEqual({
    by: 'like',
    titleId: 'season-1',
    factor: 1.3,
  });
  expect(launchOf(facts.launches, 'season-2', 'us')).toMatchObject({
    startsAtMs: Date.UTC(2026, 11, 2, 19),
    expected: { by: 'bytes', bytesPerDay: 5e12 },
    isEmbargoed: true,
  });
  expect(launchOf(facts.launches, 'other', 'de')).toBeUndefined();
  const [retirement] = facts.retirements;
  expect(retirement?.deletesAtMs).toBe(Date.UTC(2027, 0, 14, 23));
  expect(retiredTitles(facts, Date.UTC(2026, 11, 31, 22, 59)).size).toBe(0);
  expect([...retiredTitles(facts, Date.UTC(2026, 11, 31, 23))]).toEqual(['old']);
});

test('pins hold where they say and until they say', () => {
  const facts = parseCalendar(DOCUMENT);
  const berlin = { clusterId: 'berlin-1', siteId: 'berlin', region: 'de' };
  const before = Date.UTC(2026, 11, 30);
  expect(pinsOf(facts, berlin, before).map(({ id }) => id)).toEqual(['film head everywhere', 'news/v1080 site berlin']);
  expect(pinsOf(facts, { ...berlin, siteId: 'munich' }, before)).toHaveLength(1);
  expect(pinsOf(facts, berlin, Date.UTC(2026, 11, 31))).toHaveLength(1);
});

test('an embargo ends with the first launch of the title anywhere', () => {
  const facts = parseCalendar(DOCUMENT);
  expect(embargoedTitles(facts, Date.UTC(2026, 11, 1, 18, 59))).toEqual(['season-2']);
  expect(embargoedTitles(facts, Date.UTC(2026, 11, 1, 19))).toEqual([]);
});

test('what is written is read again as the same', () => {
  const facts = parseCalendar(DOCUMENT);
  expect(parseCalendar(writeCalendar(facts))).toEqual(facts);
});

describe('times', () => {
  test.each([
    ['2026-12-01T20:00Z', Date.UTC(2026, 11, 1, 20)],
    ['2026-12-01T20:00:30+01:00', Date.UTC(2026, 11, 1, 19, 0, 30)],
    ['2026-12-01 20:00 Europe/Berlin', Date.UTC(2026, 11, 1, 19)],
    ['2026-07-01T20:00 Europe/Berlin', Date.UTC(2026, 6, 1, 18)],
    // The hour that the clocks skip: the first instant after it.
    ['2027-03-28 02:30 Europe/Berlin', Date.UTC(2027, 2, 28, 1, 30)],
  ])('%s is an instant', (text, ms) => {
    expect(instantOf(text)).toBe(ms);
  });

  test.each([
    '2026-12-01',
    '2026-12-01T20:00',
    '2026-02-30 20:00 Europe/Berlin',
    '2026-13-01T00:00Z',
    '2026-12-01 20:00 Moon/Base',
    'tomorrow',
  ])('%s is none', (text) => {
    expect(instantOf(text)).toBeUndefined();
  });
});

test.each([
  [{ launches: [{ title: 't', at: '2026-12-01' }] }, /launches\.0\.at: '2026-12-01' is no time with a zone: write/],
  [{ launches: [{ title: 't', at: '2026-12-01T00:00Z', like: 't' }] }, /another title/],
  [{ launches: [{ title: 't', at: '2026-12-01T00:00Z', like: 'u', bytesPerDay: 1 }] }, /not both/],
  [{ launches: [{ title: 't', at: '2026-12-01T00:00Z', factor: 2 }] }, /factor belongs to like/],
  [{ pins: [{ title: 't', rendition: 't/v' }] }, /title or rendition/],
  [{ pins: [{ title: 't', site: 's', region: 'de' }] }, /one of cluster, site and region/],
  [{ pins: [{ title: 't' }, { title: 't', reason: 'again' }] }, /'t everywhere' is there twice/],
  [{ pin: [] }, /pin/],
  [
    {
      launches: [{ title: 't', at: '2026-12-01T00:00Z' }],
      retirements: [{ title: 't', at: '2026-11-01T00:00Z' }],
    },
    /'t' would retire before it launches/,
  ],
])('%j is refused with what is wrong', (document, says) => {
  expect(() => parseCalendar(document)).toThrow(says);
});
