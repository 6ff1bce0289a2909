import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BmpTable } from '../../../src/routes/bmp-table.ts';
import { bmpLength, readBmp } from '../../../src/routes/read-bmp.ts';
import {
  attribute,
  bmp,
  endOfRib,
  mpReach,
  mpUnreach,
  nlri,
  peerDown,
  peerHeader,
  peerUp,
  routes,
} from './bmp-messages.ts';

const read = (message: Buffer, hasPathIds = false) => readBmp(message, () => hasPathIds);

describe('BGP-7: one message of BMP', () => {
  test('a route with its attributes', () => {
    const message = routes({
      announced: ['10.1.0.0/16', '10.2.128.0/17'],
      path: [64511, 4_200_000_000],
      med: 10,
      attributes: [...attribute(5, [0, 0, 0, 200]), ...attribute(8, [0xfb, 0xf4, 0, 100]), ...attribute(200, [1, 2])],
    });
    const route = {
      asPath: '64511 4200000000',
      asPathLength: 2,
      med: 10,
      localPref: 200,
      communities: ['64500:100'],
      peerAsn: 64511,
    };
    expect(read(message)).toEqual({
      kind: 'routes',
      peer: { key: '0 0000000000000000 192.0.2.9', address: '192.0.2.9', asn: 64511, isPostPolicy: false },
      announced: [
        { pathId: 0, prefix: '10.1.0.0/16', route: { prefix: '10.1.0.0/16', ...route } },
        { pathId: 0, prefix: '10.2.128.0/17', route: { prefix: '10.2.128.0/17', ...route } },
      ],
      withdrawn: [],
      endOfRib: undefined,
    });
  });

  test('IPv6 comes and goes in multiprotocol attributes', () => {
    const message = routes({
      attributes: [...attribute(2, []), ...mpReach([nlri('2a00:1450::/32')]), ...mpUnreach([nlri('2a00:1451::/32')])],
    });
    expect(read(message)).toMatchObject({
      announced: [{ prefix: '2a00:1450::/32' }],
      withdrawn: [{ prefix: '2a00:1451::/32' }],
      endOfRib: undefined,
    });
  });

  test('End-of-RIB is an update without anything, or an empty multiprotocol withdrawal', () => {
    expect(read(endOfRib())).toMatchObject({ kind: 'routes', announced: [], endOfRib: 'ipv4' });
    expect(read(routes({ attributes: mpUnreach([]) }))).toMatchObject({ endOfRib: 'ipv6' });
  });

  test('AS numbers of two bytes where the peer header says so', () => {
    const path = attribute(2, [2, 2, 0xfb, 0xff, 0x5b, 0xa0]);
    const message = routes(
      { announced: [], attributes: [...path, ...mpReach([nlri('2a00:1450::/32')])] },
      { flags: 0x20 },
    );
    expect(read(message)).toMatchObject({ announced: [{ route: { asPath: '64511 23456', asPathLength: 2 } }] });
  });

  test('path ids where both sides agreed on them', () => {
    const up = read(peerUp({}, { sent: 1, received: 2 }));
    expect(up).toMatchObject({ kind: 'peer-up', addPath: new Set(['ipv4']) });
    expect(read(peerUp({}, { sent: 2, received: 2 }))).toMatchObject({ addPath: new Set() });
    const withId = bmp(0, [
      ...peerHeader(),
      ...Array.from({ length: 16 }, () => 255),
      0,
      19 + 2 + 7 + 2,
      2,
      0,
      7,
      0,
      0,
      0,
      9,
      16,
      10,
      1,
      0,
      0,
    ]);
    expect(read(withId, true)).toMatchObject({ withdrawn: [{ pathId: 9, prefix: '10.1.0.0/16' }] });
  });

  test('unknown types, statistics, mirrored messages and what the router sends out are passed over', () => {
    expect(read(bmp(1, [...peerHeader(), 0, 0, 0, 0]))).toEqual({ kind: 'ignored', type: 1 });
    expect(read(bmp(6, peerHeader()))).toEqual({ kind: 'ignored', type: 6 });
    expect(read(bmp(77, []))).toEqual({ kind: 'ignored', type: 77 });
    expect(read(routes({ announced: ['10.1.0.0/16'] }, { flags: 0x10 }))).toEqual({ kind: 'ignored', type: 0 });
    expect(read(bmp(4, [0, 2, 0, 2, 0x72, 0x31]))).toEqual({ kind: 'initiation', name: 'r1' });
  });

  test('what does not fit into its own length is broken, and nothing is thrown whatever the bytes are', () => {
    const whole = routes({ announced: ['10.1.0.0/16'] });
    for (let length = 6; length < whole.length; length += 1)
      expect(read(whole.subarray(0, length)).kind, `${length}`).toBe('broken');
    fc.assert(
      fc.property(fc.nat(7), fc.uint8Array({ maxLength: 200 }), (type, bytes) => {
        read(bmp(type, [...bytes]));
        read(bmp(type, [...peerHeader(), ...bytes]), true);
      }),
      { numRuns: 2000 },
    );
  });

  test('a head of another version or of an absurd length ends the stream', () => {
    expect(bmpLength(bmp(0, []))).toBe(6);
    expect(bmpLength(bmp(0, [], 4))).toEqual({ problem: 'BMP version 4 instead of 3' });
    expect(bmpLength(Buffer.from([3, 0xff, 0, 0, 0, 0]))).toEqual({ problem: 'a message of 4278190080 bytes' });
  });
});

describe("BGP-7: a router's table", () => {
  const GRACE_MS = 1000;
  const table = (limits = {}): BmpTable => new BmpTable({ graceMs: GRACE_MS, maxPeers: 4, maxRoutes: 10, ...limits });
  const apply = (to: BmpTable, nowMs: number, ...messages: readonly Buffer[]): Array<string | undefined> =>
    messages.map((message) =>
      to.apply(
        readBmp(message, (peer, family) => to.hasPathIds(peer, family)),
        nowMs,
      ),
    );
  const prefixes = (of: BmpTable): string[] => [...of.routes()].map(({ prefix }) => prefix).sort();
  const A = routes({ announced: ['10.1.0.0/16'] });
  const B = routes({ announced: ['10.2.0.0/16'] });

  test('announcements and withdrawals; a withdrawal of what was never announced means nothing', () => {
    const router = table();
    apply(router, 0, peerUp(), routes({ withdrawn: ['10.9.0.0/16'] }), A, B, routes({ withdrawn: ['10.1.0.0/16'] }));
    expect(prefixes(router)).toEqual(['10.2.0.0/16']);
  });

  test('Peer Down clears the routes of that peer and of no other, after the grace time', () => {
    const router = table();
    const other = { address: '192.0.2.10' };
    apply(router, 0, peerUp(), A, peerUp(other), routes({ announced: ['10.3.0.0/16'] }, other), peerDown());
    router.expire(GRACE_MS - 1);
    expect(prefixes(router)).toEqual(['10.1.0.0/16', '10.3.0.0/16']);
    router.expire(GRACE_MS);
    expect(prefixes(router)).toEqual(['10.3.0.0/16']);
  });

  test('without a grace time it clears them at once', () => {
    const router = table({ graceMs: 0 });
    apply(router, 0, peerUp(), A, peerDown());
    expect(prefixes(router)).toEqual([]);
  });

  test('a peer that returns: what it tells counts, End-of-RIB ends what it does not tell any more', () => {
    const router = table();
    apply(router, 0, peerUp(), A, B, endOfRib(), peerDown());
    apply(router, 10, peerUp(), B);
    expect(prefixes(router)).toEqual(['10.1.0.0/16', '10.2.0.0/16']);
    apply(router, 20, endOfRib());
    expect(prefixes(router)).toEqual(['10.2.0.0/16']);
    router.expire(10 * GRACE_MS);
    expect(prefixes(router)).toEqual(['10.2.0.0/16']);
  });

  test('a router that hangs up loses all its peers, and each has its grace', () => {
    const router = table();
    apply(router, 0, peerUp(), A);
    router.lose(100);
    expect(router.peersUp).toBe(0);
    router.expire(100 + GRACE_MS - 1);
    expect(prefixes(router)).toEqual(['10.1.0.0/16']);
    router.expire(100 + GRACE_MS);
    expect(prefixes(router)).toEqual([]);
  });

  test("where a peer is told before and after the router's policy, what is left after it counts", () => {
    const router = table();
    apply(router, 0, peerUp(), A, B, routes({ announced: ['10.1.0.0/16'] }, { flags: 0x40 }));
    expect(prefixes(router)).toEqual(['10.1.0.0/16']);
  });

  test('peers and routes have their limits, also with sessions that come and go', () => {
    const router = table({ maxPeers: 2 });
    const peer = (index: number) => ({ address: `192.0.2.${index}` });
    expect(apply(router, 0, peerUp(peer(1)), peerUp(peer(2)), peerUp(peer(3)))[2]).toBe('more than 2 peers');
    const many = Array.from({ length: 9 }, (_, index) => `10.${index}.0.0/16`);
    expect(apply(router, 0, routes({ announced: many }, peer(1)))).toEqual([undefined]);
    for (let round = 0; round < 5; round += 1) {
      apply(router, round, peerDown(peer(1)));
      router.expire(round + GRACE_MS);
      expect(apply(router, round, routes({ announced: many }, peer(1)))).toEqual([undefined]);
    }
    expect(apply(router, 0, routes({ announced: many }, peer(2)))).toEqual(['more than 10 routes']);
  });
});
