import { describe, expect, it } from 'vitest';
import { BirdRouteReader, parseBirdSession } from '../../../src/routes/parse-bird.ts';

function read(...lines: string[]): unknown[] {
  const reader = new BirdRouteReader();
  for (const line of lines) reader.line(line);
  reader.end();
  return reader.routes;
}

describe('reading what BIRD prints', () => {
  it('gives prefix, path, MED, local preference and communities of each route', () => {
    const routes = read(
      'Table master4:',
      '192.0.2.0/24         unicast [isp 09:25:16.521 from 10.0.0.2] * (100) [AS64511i]',
      '\tvia 10.0.0.2 on eth0',
      '\tType: BGP univ',
      '\tBGP.origin: IGP',
      '\tBGP.as_path: (65001 65002) 64500 64511 {1 2}',
      '\tBGP.next_hop: 10.0.0.2',
      '\tBGP.med: 10',
      '\tBGP.local_pref: 200',
      '\tBGP.community: (64500,100) (64500,666)',
      '\tBGP.large_community: (64500, 1, 2)',
      '',
      'Table master6:',
      '2001:db8:1000::/36   unreachable [isp 09:25:16.521 from 10.0.0.2] * (100) [i]',
      '\tBGP.as_path: ',
    );
    expect(routes).toEqual([
      {
        prefix: '192.0.2.0/24',
        asPath: '(65001 65002) 64500 64511 {1 2}',
        asPathLength: 3,
        med: 10,
        localPref: 200,
        communities: ['64500:100', '64500:666', '64500:1:2'],
        peerAsn: undefined,
      },
      {
        prefix: '2001:db8:1000::/36',
        asPath: '',
        asPathLength: 0,
        med: undefined,
        localPref: undefined,
        communities: [],
        peerAsn: undefined,
      },
    ]);
  });

  it('knows the prefix of further paths, which leave it out', () => {
    const routes = read(
      '192.0.2.0/24         unreachable [isp 09:25 from 10.0.0.2] * (100) [AS1i]',
      '\tBGP.as_path: 1 2 3',
      '                     unreachable [isp 09:25 from 10.0.0.3] (100) [AS1i]',
      '\tBGP.as_path: 1',
    );
    expect(routes).toMatchObject([
      { prefix: '192.0.2.0/24', asPathLength: 3 },
      { prefix: '192.0.2.0/24', asPathLength: 1 },
    ]);
  });

  it('makes nothing of lines that it does not know', () => {
    expect(read('\tBGP.med: 5', 'hello', '', ' unicast', '\tBGP.med: x')).toEqual([]);
  });
});

describe('reading how a session stands', () => {
  const lines = (info: string, imported: number) => [
    'Name       Proto      Table      State  Since         Info',
    `isp        BGP        ---        ${info}`,
    '  BGP state:          Established',
    '     Hold timer:       25.508/30',
    '   Channel ipv4',
    '     State:          UP',
    `     Routes:         ${imported} imported, 0 exported, ${imported} preferred`,
    `       Import updates:              ${imported}          0          0          0          3`,
  ];

  it('tells one that is up, and what it says when it is not', () => {
    expect(parseBirdSession(lines('up     09:25:13.517  Established', 3), 'isp')).toMatchObject({
      isEstablished: true,
    });
    expect(parseBirdSession(lines('start  09:25:13.517  Active        Socket: refused', 0), 'isp')).toMatchObject({
      isEstablished: false,
      says: 'Active Socket: refused',
    });
    expect(parseBirdSession(lines('down   09:25:13.517', 0), 'isp')).toMatchObject({
      isEstablished: false,
      says: 'down',
    });
    expect(parseBirdSession(lines('up     09:25:13.517  Established', 3), 'other')).toBeUndefined();
  });

  it('changes its fingerprint with routes and sessions, not with timers', () => {
    const of = (info: string, imported: number, timer = '25.508/30') =>
      parseBirdSession(
        lines(info, imported).map((line) => line.replace('25.508/30', timer)),
        'isp',
      )?.fingerprint;
    const before = of('up     09:25:13.517  Established', 3);
    expect(of('up     09:25:13.517  Established', 3, '1.000/30')).toBe(before);
    expect(of('up     09:25:13.517  Established', 4)).not.toBe(before);
    expect(of('up     09:26:00.000  Established', 3)).not.toBe(before);
  });
});
