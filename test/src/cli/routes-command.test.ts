import { expect, test } from 'vitest';
import { describeFindings, describeFound, describeRoutes } from '../../../src/cli/routes-command.ts';

const report = {
  applianceId: 'oca-a1',
  siteId: 'north',
  reportedAtMs: Date.UTC(2030, 0, 1),
  routes: 1200,
  refused: { default: 1, 'too-long': 3 },
  held: true,
  silent: false,
};

test('reports are a table, with what is held and how to let it count below', () => {
  const text = describeRoutes({
    prefixes: 5000,
    version: 'abc',
    held: { because: 'north loses 75 % of its addresses to nowhere', applianceIds: ['oca-a1'] },
    heldFiles: [],
    reports: [report, { ...report, applianceId: 'oca-a2', held: false, silent: true }],
  });
  expect(text).toMatch(/^5000 prefixes in use, version abc\n/);
  expect(text).toMatch(/oca-a1 +north +1200 +4 +held +2030-01-01/);
  expect(text).toMatch(/oca-a2 .* silent: does not count/);
  expect(text).toContain(
    "held: north loses 75 % of its addresses to nowhere (oca-a1)\nIf it is meant: 'oca routes accept'",
  );
  expect(describeRoutes({ prefixes: 0, version: 'x', held: null, heldFiles: [], reports: [] })).toContain(
    'No appliance reports routes.',
  );
});

test('findings say who, what, an example and the fix', () => {
  const finding = {
    code: 'missing',
    severity: 'error' as const,
    siteId: 'north',
    applianceIds: ['oca-a2'],
    says: 'does not hear 2 of the 3 prefixes that site north hears',
    fix: 'ask the ISP',
    examples: ['8.8.8.0/24'],
  };
  expect(describeFindings([finding])).toBe(
    'error: oca-a2: does not hear 2 of the 3 prefixes that site north hears\n  for example 8.8.8.0/24\n  fix: ask the ISP\n',
  );
  expect(describeFindings([])).toBe('Nothing is wrong with the routes.\n');
});

test('an address is told with all that places it', () => {
  const text = describeFound({
    address: '8.8.8.8',
    client: {
      prefix: '8.8.8.0/24',
      siteId: 'north',
      evidence: 'route',
      group: '8.8.8.0/24',
      network: 'isp-a',
      siteCosts: { south: 9, north: 1 },
      otherSites: ['south'],
      refusingSites: ['west'],
    },
    reported: [
      {
        applianceId: 'a',
        siteId: 'north',
        prefix: '8.8.8.0/24',
        asPathLength: 1,
        med: 0,
        localPref: 100,
        policy: 'none',
      },
    ],
  });
  expect(text.split('\n').slice(0, 6)).toEqual([
    '8.8.8.8 is at north, by route 8.8.8.0/24',
    'network: isp-a',
    'counted with: 8.8.8.0/24',
    'announced also to: south',
    'must not be served by: west',
    'costs: north 1, south 9',
  ]);
  expect(text).toMatch(/8\.8\.8\.0\/24 +north +a +1 +0 +100 +none/);
});
