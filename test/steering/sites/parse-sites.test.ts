import { expect, test } from 'vitest';
import { parseSites } from '../../../steering/sites/parse-sites.ts';
import { NO_SITES } from '../../../steering/sites/site-table.ts';

const file = (...sites: object[]): string => JSON.stringify({ version: 1, sites });

test('a site is what the operator says of it, and by default embedded, alone and for everybody', () => {
  const table = parseSites(
    file(
      { id: 'munich' },
      {
        id: 'berlin',
        kind: 'peering',
        network: 'AS64500',
        failureDomain: 'ix-1',
        latitudeDeg: 52.5,
        longitudeDeg: 13.4,
        egressCapBitsPerSec: 1e11,
        timeZone: 'Europe/Berlin',
        maintenance: [{ weekday: 'tuesday', start: '02:00', hours: 3 }],
      },
    ),
  );
  expect(table.facts().map(({ id }) => id)).toEqual(['berlin', 'munich']);
  expect(table.of('berlin')).toEqual({
    id: 'berlin',
    kind: 'peering',
    network: 'AS64500',
    failureDomain: 'ix-1',
    location: { latitudeDeg: 52.5, longitudeDeg: 13.4 },
    egressCapBitsPerSec: 1e11,
    timeZone: 'Europe/Berlin',
    maintenance: [{ weekday: 'tuesday', start: '02:00', hours: 3, why: 'maintenance' }],
  });
  expect(table.of('munich')).toMatchObject({ kind: 'embedded', network: undefined, failureDomain: 'munich' });
  expect(table.of('nowhere')).toEqual(NO_SITES.of('nowhere'));
});

test('another content has another version, the same has the same', () => {
  expect(parseSites(file({ id: 'a' })).version).toBe(parseSites(file({ id: 'a' })).version);
  expect(parseSites(file({ id: 'a' })).version).not.toBe(parseSites(file({ id: 'b' })).version);
});

test.each([
  ['no JSON', '{', /JSON/],
  ['a misspelt field', file({ id: 'a', egresCap: 1 }), /sites\.0.*egresCap/],
  ['a site twice', file({ id: 'a' }, { id: 'a' }), /site a is there twice/],
  ['a kind that there is not', file({ id: 'a', kind: 'cloud' }), /sites\.0\.kind/],
  ['half a place', file({ id: 'a', latitudeDeg: 5 }), /belong together/],
  ['no such time zone', file({ id: 'a', timeZone: 'Mars/Olympus' }), /time zone/],
  ['a window without a clock', file({ id: 'a', maintenance: [{ start: '02:00', hours: 2 }] }), /needs a timeZone/],
  ['another version', JSON.stringify({ version: 2, sites: [] }), /version/],
])('%s is refused and named', (_what, text, named) => {
  expect(() => parseSites(text)).toThrow(named);
});
