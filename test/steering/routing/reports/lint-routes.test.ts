import { expect, test } from 'vitest';
import { Ledger, manyPrefixes, report } from './reports.ts';

const lint = (ledger: Ledger, fleet: ReadonlyArray<{ id: string; siteId: string }> = []) => {
  ledger.build();
  return ledger.ledger.lint(fleet);
};

test('appliances of a site that hear the same, of sites that share nothing, have no findings', () => {
  const routes = ['8.8.8.0/24', '2a00:1450::/32'];
  const ledger = new Ledger().take(report('a', 'north', routes), report('b', 'north', [...routes].reverse()));
  ledger.take(report('c', 'south', ['9.9.9.0/24']));
  expect(lint(ledger, [{ id: 'a', siteId: 'north' }])).toEqual([]);
});

test('what one appliance of a site does not hear is missing, with examples and what to do', () => {
  const ledger = new Ledger().take(
    report('a', 'north', ['8.8.8.0/24', '9.9.9.0/24', '2a00:1450::/32']),
    report('b', 'north', ['8.8.8.0/24']),
  );
  expect(lint(ledger)).toEqual([
    {
      code: 'missing',
      severity: 'error',
      siteId: 'north',
      applianceIds: ['b'],
      says: 'does not hear 2 of the 3 prefixes that site north hears',
      fix: 'ask the ISP to announce the same prefixes to every appliance of the site',
      examples: ['9.9.9.0/24', '2a00:1450::/32'],
    },
  ]);
});

test('what they hear with other attributes is differing', () => {
  const ledger = new Ledger().take(
    report('a', 'north', [{ prefix: '8.8.8.0/24', med: 1 }]),
    report('b', 'north', [{ prefix: '8.8.8.0/24', med: 2 }]),
  );
  expect(lint(ledger)).toMatchObject([{ code: 'differing', applianceIds: ['a', 'b'], examples: ['8.8.8.0/24'] }]);
});

test('an appliance that reports nothing where others of its site do, and one that moved, are told', () => {
  const ledger = new Ledger().take(report('a', 'north', ['8.8.8.0/24']));
  const fleet = [
    { id: 'a', siteId: 'south' },
    { id: 'b', siteId: 'north' },
    { id: 'c', siteId: 'south' },
  ];
  expect(lint(ledger, fleet).map(({ code, applianceIds }) => [code, ...applianceIds])).toEqual([
    ['silent', 'b'],
    ['moved-site', 'a'],
  ]);
});

test('what is refused is told with its reason, prefixes and a fix', () => {
  const ledger = new Ledger().take(report('a', 'north', ['0.0.0.0/0', '10.0.0.0/8', '8.8.8.8/32', '8.8.8.0/24']));
  const findings = lint(ledger);
  expect(findings.map(({ severity, says, examples }) => [severity, says, ...examples])).toEqual([
    ['error', '1 routes are refused: default', '0.0.0.0/0'],
    ['warning', '1 routes are refused: too long', '8.8.8.8/32'],
    ['warning', '1 routes are refused: special purpose', '10.0.0.0/8'],
  ]);
  expect(findings.every(({ fix }) => fix.length > 10)).toBe(true);
});

test('a prefix of two sites that nothing but their names decides is a tie; a MED or the order of sites ends it', () => {
  const tied = (med: number) =>
    new Ledger().take(report('a', 'north', ['8.8.8.0/24']), report('b', 'south', [{ prefix: '8.8.8.0/24', med }]));
  expect(lint(tied(0))).toMatchObject([{ code: 'tie', severity: 'note', examples: ['8.8.8.0/24'] }]);
  expect(lint(tied(1))).toEqual([]);
  const merge = { siteOrder: ['north'], networks: new Map() };
  const ordered = new Ledger({ merge }).take(
    report('a', 'north', ['8.8.8.0/24']),
    report('b', 'south', ['8.8.8.0/24']),
  );
  expect(lint(ordered)).toEqual([]);
});

test('a held change is told with the appliances that it concerns', () => {
  const ledger = new Ledger().take(report('a', 'north', manyPrefixes(20, 40)));
  ledger.build();
  expect(lint(ledger.take(report('a', 'north', [], 2000)))).toMatchObject([
    { code: 'held', severity: 'error', applianceIds: ['a'], fix: expect.stringContaining('oca routes accept') },
  ]);
});
