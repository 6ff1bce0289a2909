import { expect, it, test } from 'vitest';
import { describeSites, parseLength } from '../../../src/cli/site-command.ts';

const appliance = {
  id: 'oca-a1',
  siteId: 'berlin',
  lease: { kind: 'current' },
  state: 'serving',
  healthy: true,
  egressBitsPerSec: 4e9,
  softEgressBitsPerSec: 8e9,
};
const NOTHING = { nowMs: 0, withholdings: [] };

it('shows sites of the table and of the fleet, with load, cap and what is withheld', () => {
  const text = describeSites({
    fleet: {
      preserving: false,
      appliances: [
        appliance,
        { ...appliance, id: 'oca-a2', withheld: 'site berlin is withheld' },
        { ...appliance, id: 'oca-b1', siteId: 'munich', lease: { kind: 'expired' } },
      ],
    },
    table: {
      version: 'v1',
      sites: [
        { id: 'berlin', kind: 'embedded', egressCapBitsPerSec: 2e11, timeZone: 'Europe/Berlin' },
        { id: 'empty', kind: 'transit' },
      ],
    },
    orders: {
      nowMs: 0,
      withholdings: [
        {
          name: 'drain-appliance-oca-a2',
          scope: 'appliance',
          target: 'oca-a2',
          why: 'new disk',
          startMs: Date.UTC(2027, 2, 28, 1),
          endMs: Date.UTC(2027, 2, 28, 4),
          state: 'active',
          by: 'operator',
        },
      ],
    },
  });
  expect(text).toMatch(/berlin +embedded +2 +1 +1 +8\.00 Gbit\/s +16\.0 Gbit\/s +200 Gbit\/s +Europe\/Berlin/);
  expect(text).toMatch(/empty +transit +0 +0 +0/);
  expect(text).toMatch(/munich +- +1 +0 +0/);
  expect(text).toMatch(/appliance oca-a2 +active +2027-03-28 01:00Z +2027-03-28 04:00Z +operator +new disk/);
});

it('says what to do where there is nothing, and when the fleet is kept in doubt', () => {
  expect(
    describeSites({
      fleet: { preserving: false, appliances: [] },
      table: { version: 'none', sites: [] },
      orders: NOTHING,
    }),
  ).toContain('oca site --help');
  expect(
    describeSites({
      fleet: { preserving: true, appliances: [appliance] },
      table: { version: 'none', sites: [] },
      orders: NOTHING,
    }),
  ).toMatch(/last known fleet is kept[\s\S]*Nothing is withheld/);
});

test.each([
  ['90m', 5_400_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
])('%s is a length', (text, ms) => {
  expect(parseLength(text)).toBe(ms);
});

test.each(['', '3', '3w', '-1h', '0h', 'h'])("'%s' is none, and it is said how to say it", (text) => {
  expect(() => parseLength(text)).toThrow(/90m, 3h or 2d/);
});
