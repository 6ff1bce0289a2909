import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { locateClient } from '../../../../steering/answer/locate-client.ts';
import {
  ASN_RECORDS,
  COUNTRY_RECORDS,
  type MmdbKind,
  openMmdb,
} from '../../../../steering/routing/geo/mmdb-database.ts';
import { NO_NETWORKS, parseNetworkMap } from '../../../../steering/routing/geo/network-map.ts';
import { type AddressDatabase, joinOrigins } from '../../../../steering/routing/geo/origin-lookup.ts';
import { PrefixTable } from '../../../../steering/routing/prefix-table.ts';
import { RouteTable } from '../../../../steering/routing/route-table.ts';
import { prefixOf } from '../reports/reports.ts';
import { writeMmdb } from './mmdb-writer.ts';

const ASNS = writeMmdb({
  '20.0.0.0/8': { autonomous_system_number: 64500 },
  '30.0.0.0/8': { autonomous_system_number: 64501 },
  '10.0.0.0/8': { autonomous_system_number: 64500 },
  '100.64.0.0/10': { autonomous_system_number: 64500 },
  '2a00:1450:0:0:0:0:0:0/32': { autonomous_system_number: 64500 },
  'fd00:0:0:0:0:0:0:0/8': { autonomous_system_number: 64500 },
});
const COUNTRIES = writeMmdb({
  '20.0.0.0/8': { country: { iso_code: 'FR' } },
  '30.0.0.0/8': { registered_country: { iso_code: 'DE' } },
  '40.0.0.0/8': { country_code: 'DE' },
  '192.168.0.0/16': { country: { iso_code: 'DE' } },
});

const MAP = {
  asn: { 64500: { network: 'isp-a', site: 'north' }, 64501: { network: 'isp-b' } },
  country: { de: 'south', fr: 'west' },
};

function database<T>(bytes: Buffer, kind: MmdbKind<T>): AddressDatabase<T> {
  const loaded = openMmdb(bytes, kind);
  if (loaded.kind !== 'good') throw new Error(JSON.stringify(loaded));
  return loaded.content;
}

function mapOf(document: unknown) {
  const parsed = parseNetworkMap(Buffer.from(JSON.stringify(document)));
  if (parsed.kind === 'broken') throw new Error(parsed.problems.join());
  return parsed.map;
}

const place = (address: string, file = PrefixTable.of([])) => {
  const table = new RouteTable();
  table.setFileTable(file);
  table.setOrigins(joinOrigins(database(ASNS, ASN_RECORDS), database(COUNTRIES, COUNTRY_RECORDS), mapOf(MAP)));
  const { evidence, siteId, network, group } = locateClient(address, table.current());
  return { evidence, siteId, network, group };
};

test('GEO-3: a route counts before the AS, the AS before the country, the country before nothing', () => {
  const routed = PrefixTable.of([{ prefix: prefixOf('20.1.0.0/16'), siteId: 'east' }]);
  expect(place('20.1.2.3', routed)).toEqual({
    evidence: 'route',
    siteId: 'east',
    network: 'isp-a',
    group: '20.1.0.0/16',
  });
  expect(place('20.2.2.3')).toEqual({ evidence: 'asn', siteId: 'north', network: 'isp-a', group: '20.2.2.0/24' });
  expect(place('30.1.2.3')).toEqual({ evidence: 'country', siteId: 'south', network: 'isp-b', group: '30.1.2.0/24' });
  expect(place('40.1.2.3')).toMatchObject({ evidence: 'country', siteId: 'south', network: undefined });
  expect(place('50.1.2.3')).toEqual({
    evidence: 'default',
    siteId: undefined,
    network: undefined,
    group: '50.1.2.0/24',
  });
  expect(place('2a00:1450:1:2::3')).toMatchObject({ evidence: 'asn', siteId: 'north', group: '2a00:1450:1::/48' });
});

test('GEO-1: without databases and networks there are routes and the default, and never a missing group', () => {
  const client = locateClient('20.1.2.3', new RouteTable().current());
  expect(client).toMatchObject({ evidence: 'default', siteId: undefined, network: undefined, group: '20.1.2.0/24' });
  expect(locateClient('no address', new RouteTable().current()).group).toBe('unknown');
});

test.each(['10.1.2.3', '100.64.0.1', '192.168.1.1', '127.0.0.1', 'fd00::1', '::ffff:10.1.2.3'])(
  'GEO-4: %s is never looked up, whatever databases say of it',
  (address) => {
    expect(place(address)).toMatchObject({ evidence: 'default', siteId: undefined, network: undefined });
  },
);

describe('GEO-2: a database that is broken', () => {
  test('is refused where its frame shows it', () => {
    expect(openMmdb(Buffer.alloc(0), ASN_RECORDS)).toMatchObject({ kind: 'broken' });
    expect(openMmdb(Buffer.from('no database'), ASN_RECORDS)).toMatchObject({ kind: 'broken' });
    expect(openMmdb(ASNS.subarray(ASNS.length - 200), ASN_RECORDS)).toMatchObject({ kind: 'broken' });
    for (const share of [0.1, 0.5, 0.9])
      expect(openMmdb(ASNS.subarray(0, ASNS.length * share), ASN_RECORDS)).toMatchObject({ kind: 'broken' });
  });

  test('never throws at a lookup, wherever its bytes are wrong', () => {
    fc.assert(
      fc.property(fc.nat(ASNS.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = Buffer.from(ASNS);
        bytes[at] = byte;
        const loaded = openMmdb(bytes, ASN_RECORDS);
        if (loaded.kind === 'good') for (const address of ['20.1.2.3', '2a00:1450::1']) loaded.content.find(address);
      }),
      { numRuns: 500 },
    );
  });
});

test('a table of networks says what is wrong with it', () => {
  const broken = parseNetworkMap(Buffer.from('{"asn":{"AS1":{}},"country":{"DE":"north","fr":"No Site"}}'));
  expect(broken).toMatchObject({ kind: 'broken', problems: expect.arrayContaining([expect.stringContaining('fr')]) });
  expect(parseNetworkMap(Buffer.from('{'))).toMatchObject({ kind: 'broken' });
  expect(joinOrigins(undefined, undefined, NO_NETWORKS).of({ words: [0x14000001] })).toEqual({});
});
