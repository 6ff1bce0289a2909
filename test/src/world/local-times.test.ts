import { expect, test } from 'vitest';
import { isTimeZone, localInstant, localStartTimes } from '../../../src/world/local-times.ts';

const iso = (ms = NaN): string => new Date(ms).toISOString();

test.each([
  ['in winter', 'Europe/Berlin', '2027-01-10T02:30', '2027-01-10T01:30:00.000Z'],
  ['in summer', 'Europe/Berlin', '2027-07-10T02:30', '2027-07-10T00:30:00.000Z'],
  ['that the clock skips', 'Europe/Berlin', '2027-03-28T02:30', '2027-03-28T01:30:00.000Z'],
  ['that it shows twice', 'Europe/Berlin', '2027-10-31T02:30', '2027-10-31T00:30:00.000Z'],
  ['long past', 'America/New_York', '2001-01-01 00:00', '2001-01-01T05:00:00.000Z'],
  ['where the clock moves by half an hour', 'Australia/Lord_Howe', '2027-10-03T02:15', '2027-10-02T15:45:00.000Z'],
])('a local time %s is one instant', (_what, timeZone, wallTime, instant) => {
  expect(iso(localInstant(timeZone, wallTime))).toBe(instant);
});

test.each(['2027-02-30T02:30', '2027-13-01T00:00', '2027-01-01T24:00', '2027-01-01', 'soon', ''])(
  "'%s' is no local time",
  (wallTime) => {
    expect(localInstant('Europe/Berlin', wallTime)).toBeUndefined();
  },
);

test('a weekly time keeps its place on the clock over the change to summer time', () => {
  const starts = localStartTimes('Europe/Berlin', '04:00', Date.UTC(2027, 2, 20), 3, 'sunday');
  expect(starts.map(iso)).toEqual(['2027-03-21T03:00:00.000Z', '2027-03-28T02:00:00.000Z', '2027-04-04T02:00:00.000Z']);
});

test('time zones are those of the IANA database', () => {
  expect(isTimeZone('Europe/Berlin')).toBe(true);
  expect(isTimeZone('Berlin')).toBe(false);
});
