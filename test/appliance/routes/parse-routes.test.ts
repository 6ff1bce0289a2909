import { describe, expect, it } from 'vitest';
import { parseRoutes as parseBytes } from '../../../appliance/routes/parse-routes.ts';

const parseRoutes = (text: string) => parseBytes(Buffer.from(text));

describe('reading a routes file', () => {
  it('takes prefixes alone, one per line, IPv4 and IPv6', () => {
    expect(parseRoutes('192.0.2.0/24\n2001:db8::/32\n')).toEqual({
      routes: [{ prefix: '192.0.2.0/24' }, { prefix: '2001:db8::/32' }],
      problems: [],
    });
  });

  it('takes path length, MED, local preference and communities, and leaves empty fields out', () => {
    const text =
      'prefix,as_path_length,med,local_pref,communities\n192.0.2.0/24,3,10,200,64500:1 64500:2\n198.51.100.0/24,,,100\n';
    expect(parseRoutes(text).routes).toEqual([
      { prefix: '192.0.2.0/24', asPathLength: 3, med: 10, localPref: 200, communities: ['64500:1', '64500:2'] },
      { prefix: '198.51.100.0/24', localPref: 100 },
    ]);
  });

  it('passes over comments, empty lines, a byte order mark and Windows line ends', () => {
    expect(parseRoutes('\uFEFF# ours\r\n\r\n192.0.2.0/24 # the city\r\n')).toEqual({
      routes: [{ prefix: '192.0.2.0/24' }],
      problems: [],
    });
  });

  it('leaves wrong lines out and names each by its number', () => {
    const text = [
      '192.0.2.0/24',
      '192.0.2.0/33',
      'example.net',
      '2001:db8::/129',
      '192.0.2.1',
      '192.0.2.0/24',
      '198.51.100.0/24,many',
      '203.0.113.0/24,1,2,3,4,5',
    ].join('\n');
    const { routes, problems } = parseRoutes(text);
    expect(routes).toEqual([{ prefix: '192.0.2.0/24' }]);
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'line 2',
      'line 3',
      'line 4',
      'line 5',
      'line 6',
      'line 7',
      'line 8',
    ]);
  });

  it('takes JSON: a list of prefixes or routes, or an object with that list', () => {
    const routes = [{ prefix: '192.0.2.0/24' }, { prefix: '2001:db8::/32', asPathLength: 2 }];
    expect(parseRoutes(JSON.stringify(['192.0.2.0/24', routes[1]])).routes).toEqual(routes);
    expect(parseRoutes(JSON.stringify({ routes })).routes).toEqual(routes);
  });

  it('names wrong entries of JSON by their number', () => {
    const { routes, problems } = parseRoutes('["192.0.2.0/24", {"prefix": 5}, {"prefix": "x"}]');
    expect(routes).toHaveLength(1);
    expect(problems).toEqual([expect.stringContaining('entry 2: prefix'), expect.stringContaining('entry 3:')]);
  });

  it('says what is wrong with a file that is no list at all', () => {
    expect(parseRoutes('{"a":').problems).toEqual([expect.stringContaining('not JSON')]);
    expect(parseRoutes('{"prefixes":[]}').problems).toEqual([expect.stringContaining('must be a list')]);
  });

  it('takes an empty file for no routes', () => {
    expect(parseRoutes('')).toEqual({ routes: [], problems: [] });
    expect(parseRoutes('[]')).toEqual({ routes: [], problems: [] });
  });
});

describe('reading a table dump as a routes file', () => {
  // A peer table without peers, then 192.0.2.0/24 by paths of two and of one AS, the second with MED 7.
  const dump = Buffer.from(
    [
      '537f5d00000d000100000008 0000000000000000',
      '537f5d00000d000200000037 00000000 18c00002 0002',
      '0000 00000000 000d 40020a 0202 0000fbf4 0000fbf5',
      '0000 00000000 0010 400206 0201 0000fbf4 400404 00000007',
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  );

  it('takes the shortest path of each prefix', () => {
    expect(parseBytes(dump)).toEqual({
      routes: [{ prefix: '192.0.2.0/24', asPathLength: 1, med: 7, originAsn: 64500 }],
      problems: [],
      isTorn: false,
    });
  });

  it('says of a dump without its end that it is torn, and where', () => {
    const torn = parseBytes(Buffer.concat([dump, dump.subarray(0, 15)]));
    expect(torn.routes).toHaveLength(1);
    expect(torn.isTorn).toBe(true);
    expect(torn.problems).toEqual([expect.stringMatching(new RegExp(`^record at byte ${dump.length}: `))]);
  });
});
