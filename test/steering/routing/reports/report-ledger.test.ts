import { describe, expect, test } from 'vitest';
import { formatPrefix } from '../../../../steering/routing/ip-address.ts';
import { filterRoutes } from '../../../../steering/routing/reports/filter-routes.ts';
import { prefixAt } from '../../../../steering/routing/reports/report-columns.ts';
import { Ledger, manyPrefixes, RULES, report } from './reports.ts';

const kept = (routes: readonly string[], allowPrivate = false): string[] => {
  const { columns } = filterRoutes(report('a', 'north', routes), { ...RULES.filter, allowPrivate });
  return [columns.ipv4, columns.ipv6].flatMap((family) =>
    Array.from({ length: family.count }, (_, row) => formatPrefix(prefixAt(family, row))),
  );
};

test('BGP-5: default routes, routes too short or too long, special space and nonsense are refused and counted', () => {
  const routes = [
    '0.0.0.0/0',
    '::/0',
    '8.0.0.0/7',
    '8.8.8.8/32',
    '2a00::/12',
    '2a00:1450::/64',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '198.18.0.0/15',
    '2001:db8:1::/48',
    '172.0.0.0/8',
    '5000::/20',
    'x',
    '8.8.8.0/24',
    '2a00:1450::/32',
  ];
  const { refused, examples } = filterRoutes(report('a', 'north', routes), RULES.filter);
  expect(kept(routes)).toEqual(['8.8.8.0/24', '2a00:1450::/32']);
  expect(refused).toEqual({ malformed: 1, default: 2, 'too-short': 2, 'too-long': 2, 'special-purpose': 6 });
  expect(examples).toContainEqual({ prefix: '10.0.0.0/8', refusal: 'special-purpose' });
});

test('development may allow private and loopback space, but never a default route', () => {
  const routes = ['127.0.0.0/8', '10.1.2.3/32', 'fd00::/64', '0.0.0.0/0'];
  expect(kept(routes, true)).toEqual(['10.1.2.3/32', '127.0.0.0/8', 'fd00::/64']);
});

describe('BGP-3: of sites that announce the same prefix', () => {
  const route = (asPathLength: number, med: number, localPref = 100, communities: string[] = []) => [
    { prefix: '8.8.8.0/24', asPathLength, med, localPref, communities },
  ];
  test.each([
    ['the shorter path is first', route(2, 0), route(1, 9), ['south', 'north']],
    ['then the lower MED', route(1, 5), route(1, 9), ['north', 'south']],
    ['then the name', route(1, 5), route(1, 5), ['north', 'south']],
    ['local preference comes before the path', route(1, 0, 100), route(3, 0, 200), ['south', 'north']],
    ['BGP-8: a preferred community before all', route(1, 0, 200), route(5, 9, 1, ['64500:100']), ['south', 'north']],
  ])('%s, in whatever order they report', (_, north, south, order) => {
    for (const turned of [false, true]) {
      const reports = [report('n', 'north', north), report('s', 'south', south)];
      const ledger = new Ledger().take(...(turned ? reports.reverse() : reports));
      ledger.build();
      expect(ledger.placeOf('8.8.8.8')).toEqual({ siteId: order[0], others: [order[1]], refusing: [] });
    }
  });

  test('ties go by the configured order of sites', () => {
    const merge = { siteOrder: ['south'], networks: new Map() };
    const ledger = new Ledger({ merge }).take(report('n', 'north', route(1, 5)), report('s', 'south', route(1, 5)));
    ledger.build();
    expect(ledger.siteOf('8.8.8.8')).toBe('south');
  });

  test('BGP-8: a site that is told not to serve it is out, and the shorter prefix does not bring it back', () => {
    const no = ['64500:666', '64500:100'];
    const ledger = new Ledger().take(
      report('n', 'north', ['8.8.0.0/16', { prefix: '8.8.8.0/24', communities: no }]),
      report('s', 'south', ['8.8.9.0/24']),
    );
    ledger.build();
    expect(ledger.placeOf('8.8.8.8')).toEqual({ siteId: undefined, others: [], refusing: ['north'] });
    expect(ledger.siteOf('8.8.1.1')).toBe('north');
    expect(ledger.siteOf('8.8.9.1')).toBe('south');
    ledger.take(report('s', 'south', ['8.8.8.0/24'], 2000)).build();
    expect(ledger.placeOf('8.8.8.8')).toEqual({ siteId: 'south', others: [], refusing: ['north'] });
  });
});

test("an appliance's new report takes the place of the one before; an older one that comes late changes nothing", () => {
  const ledger = new Ledger().take(report('a', 'north', ['8.8.8.0/24'], 2000));
  expect(ledger.ledger.take(report('a', 'north', ['9.9.9.0/24'], 1000), undefined)).toBeUndefined();
  ledger.build();
  expect(ledger.siteOf('8.8.8.8')).toBe('north');
  ledger.take(report('a', 'north', ['9.9.9.0/24'], 3000)).build();
  expect(ledger.siteOf('8.8.8.8')).toBeUndefined();
  expect(ledger.siteOf('9.9.9.9')).toBe('north');
});

test('what stands is told once for the next start, what is held never', () => {
  const ledger = new Ledger().take(report('a', 'north', manyPrefixes(20, 40)));
  expect([...ledger.build().adopted.keys()]).toEqual(['a']);
  expect([...ledger.build().adopted.keys()]).toEqual([]);
  ledger.take(report('a', 'north', [], 2000));
  expect([...ledger.build().adopted.keys()]).toEqual([]);
  ledger.ledger.accept();
  expect([...ledger.build().adopted.keys()]).toEqual(['a']);
});

describe('leaks', () => {
  const merge = {
    siteOrder: [],
    networks: new Map([
      ['north', 'isp-a'],
      ['south', 'isp-b'],
      ['west', 'isp-a'],
    ]),
  };

  test("a prefix inside another ISP's is not taken and counted; one of the same ISP is", () => {
    const ledger = new Ledger({ merge }).take(
      report('n', 'north', ['20.0.0.0/12']),
      report('s', 'south', ['20.1.0.0/16', '21.0.0.0/16']),
      report('w', 'west', ['20.2.0.0/16']),
    );
    expect(ledger.build().leaked).toBe(1);
    expect(ledger.siteOf('20.1.0.1')).toBe('north');
    expect(ledger.siteOf('20.2.0.1')).toBe('west');
    expect(ledger.siteOf('21.0.0.1')).toBe('south');
    expect(ledger.ledger.lint([]).map(({ code, siteId }) => [code, siteId])).toContainEqual(['leaked', 'south']);
  });

  test('what two ISPs announce alike belongs to neither, and says nothing of what lies inside', () => {
    const ledger = new Ledger({ merge }).take(
      report('n', 'north', ['20.0.0.0/12']),
      report('s', 'south', ['20.0.0.0/12', '20.1.0.0/16']),
    );
    expect(ledger.build().leaked).toBe(0);
    expect(ledger.siteOf('20.1.0.1')).toBe('south');
  });
});

describe('a mass change', () => {
  const north = manyPrefixes(20, 40);
  const south = manyPrefixes(30, 40);
  const start = (): Ledger => {
    const ledger = new Ledger().take(report('n', 'north', north), report('s', 'south', south));
    expect(ledger.build().held).toBeUndefined();
    return ledger;
  };

  test('is held for the site that it concerns, and others go on', () => {
    const ledger = start();
    ledger.take(report('n', 'north', north.slice(30), 2000), report('s', 'south', [...south, '40.0.0.0/24'], 2000));
    const { held } = ledger.build();
    expect(held).toMatchObject({ applianceIds: ['n'], untilMs: 60_000 });
    expect(held?.because).toBe('north loses 75 % of its addresses to nowhere');
    expect(ledger.siteOf('20.0.0.1')).toBe('north');
    expect(ledger.siteOf('40.0.0.1')).toBe('south');
  });

  test('counts when it has lasted', () => {
    const ledger = start();
    ledger.take(report('n', 'north', [], 2000)).build();
    ledger.nowMs = 59_999;
    expect(ledger.build().held).toBeDefined();
    expect(ledger.siteOf('20.0.0.1')).toBe('north');
    ledger.nowMs = 60_000;
    expect(ledger.build().held).toBeUndefined();
    expect(ledger.siteOf('20.0.0.1')).toBeUndefined();
  });

  test('counts at once when an operator accepts it, and the next one is held again', () => {
    const ledger = start();
    ledger.take(report('n', 'north', [], 2000)).build();
    ledger.ledger.accept();
    expect(ledger.build().held).toBeUndefined();
    expect(ledger.siteOf('20.0.0.1')).toBeUndefined();
    expect(ledger.take(report('s', 'south', [], 2000)).build().held?.applianceIds).toEqual(['s']);
  });

  test('never was when it goes away by itself, and the time begins anew with the next', () => {
    const ledger = start();
    ledger.take(report('n', 'north', [], 2000)).build();
    ledger.nowMs = 50_000;
    expect(ledger.take(report('n', 'north', north, 3000)).build().held).toBeUndefined();
    expect(ledger.take(report('n', 'north', [], 4000)).build().held?.untilMs).toBe(110_000);
  });

  test("is one too when another site takes a site's addresses by longer prefixes: the taker is held", () => {
    const ledger = new Ledger().take(report('n', 'north', ['20.0.0.0/16']), report('s', 'south', south));
    ledger.build();
    const leak = [...south, ...manyPrefixes(20, 200)];
    expect(ledger.take(report('s', 'south', leak, 2000)).build().held?.applianceIds).toEqual(['s']);
    expect(ledger.siteOf('20.0.0.1')).toBe('north');
  });

  test('is one too when other ASes announce what was announced', () => {
    const of = (originAsn: number) => south.map((prefix) => ({ prefix, originAsn }));
    const ledger = new Ledger().take(report('n', 'north', north), report('s', 'south', of(64500)));
    ledger.build();
    const { held } = ledger.take(report('s', 'south', of(64666), 2000)).build();
    expect(held).toMatchObject({ applianceIds: ['s'] });
    expect(held?.because).toContain('another AS');
  });

  test('is none when appliances report for the first time, also when they take over what others had', () => {
    const ledger = start();
    const better = [...north, ...south].map((prefix) => ({ prefix, communities: ['64500:100'] }));
    expect(ledger.take(report('w', 'west', better)).build().held).toBeUndefined();
    expect(ledger.siteOf('20.0.0.1')).toBe('west');
    expect(
      ledger.take(report('n', 'north', [], 2000), report('e', 'east', ['40.0.0.0/24'])).build().held,
    ).toBeUndefined();
    expect(ledger.take(report('w', 'west', [], 2000)).build().held?.applianceIds).toEqual(['w']);
    expect(ledger.siteOf('40.0.0.1')).toBe('east');
  });

  test('is none in a network of few prefixes', () => {
    const ledger = new Ledger().take(report('n', 'north', ['20.0.0.0/16']));
    ledger.build();
    expect(ledger.take(report('n', 'north', ['30.0.0.0/16'], 2000)).build().held).toBeUndefined();
    expect(ledger.siteOf('30.0.0.1')).toBe('north');
  });

  test('is none when prefixes are announced in other pieces', () => {
    const ledger = new Ledger().take(report('n', 'north', manyPrefixes(20, 256)));
    ledger.build();
    expect(ledger.take(report('n', 'north', ['20.0.0.0/16'], 2000)).build().held).toBeUndefined();
  });
});

test('routes of a silent appliance do not count, and do again when it is heard', () => {
  const ledger = new Ledger().take(report('a', 'north', ['8.8.8.0/24']));
  ledger.ledger.setSilent(new Set(['a']));
  ledger.build();
  expect(ledger.siteOf('8.8.8.8')).toBeUndefined();
  ledger.ledger.setSilent(new Set());
  ledger.build();
  expect(ledger.siteOf('8.8.8.8')).toBe('north');
});

test('everything that is reported of an address is found, the longest prefix first', () => {
  const ledger = new Ledger().take(
    report('b', 'north', ['8.8.0.0/16']),
    report('a', 'south', [{ prefix: '8.8.8.0/24', asPathLength: 2, med: 7, communities: ['64500:100'] }]),
    report('c', 'south', ['2a00:1450::/32']),
  );
  expect(ledger.ledger.find({ words: [0x08080808] })).toEqual([
    {
      applianceId: 'a',
      siteId: 'south',
      prefix: '8.8.8.0/24',
      asPathLength: 2,
      med: 7,
      localPref: 100,
      policy: 'prefer',
    },
    {
      applianceId: 'b',
      siteId: 'north',
      prefix: '8.8.0.0/16',
      asPathLength: 0,
      med: 0,
      localPref: 100,
      policy: 'none',
    },
  ]);
  expect(ledger.ledger.find({ words: [0x2a001450, 0, 0, 1] }).map(({ prefix }) => prefix)).toEqual(['2a00:1450::/32']);
});
