import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnnouncedRoute } from '../../../src/routes/announced-route.ts';
import { isMrt, type MrtEnd, readMrt } from '../../../src/routes/read-mrt.ts';

const u8 = (value: number): Buffer => Buffer.from([value]);
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const record = (subtype: number, body: Buffer, type = 13): Buffer =>
  Buffer.concat([u32(1_400_000_000), u16(type), u16(subtype), u32(body.length), body]);

/** Two peers: one with an IPv4 address and a short AS number, one with IPv6 and a long one. */
const peerTable = record(
  1,
  Buffer.concat([
    u32(0),
    u16(3),
    Buffer.from('rib'),
    u16(2),
    Buffer.concat([u8(0), u32(1), u32(0x7f000001), u16(64_500)]),
    Buffer.concat([u8(3), u32(2), Buffer.alloc(16, 1), u32(4_200_000_001)]),
  ]),
);

const attribute = (code: number, value: Buffer): Buffer => Buffer.concat([u8(0x40), u8(code), u8(value.length), value]);
const longAttribute = (code: number, value: Buffer): Buffer =>
  Buffer.concat([u8(0x50), u8(code), u16(value.length), value]);
const segment = (type: number, ...asns: number[]): Buffer =>
  Buffer.concat([u8(type), u8(asns.length), ...asns.map(u32)]);

const entry = (peer: number, ...attributes: Buffer[]): Buffer => {
  const bytes = Buffer.concat(attributes);
  return Buffer.concat([u16(peer), u32(0), u16(bytes.length), bytes]);
};

const table = (subtype: number, prefixBytes: number[], length: number, ...entries: Buffer[]): Buffer =>
  record(subtype, Buffer.concat([u32(7), u8(length), Buffer.from(prefixBytes), u16(entries.length), ...entries]));

function read(bytes: Buffer): { routes: AnnouncedRoute[]; end: MrtEnd } {
  const routes: AnnouncedRoute[] = [];
  const reading = readMrt(bytes);
  for (let step = reading.next(); ; step = reading.next()) {
    if (step.done === true) return { routes, end: step.value };
    routes.push(step.value);
  }
}

const full = table(
  2,
  [203, 0, 113],
  24,
  entry(
    1,
    attribute(1, u8(0)),
    attribute(2, Buffer.concat([segment(3, 65_001, 65_002), segment(2, 64_500, 4_200_000_001), segment(1, 1, 2)])),
    attribute(3, u32(0xc0000201)),
    attribute(4, u32(10)),
    attribute(5, u32(200)),
    longAttribute(8, Buffer.concat([u16(64_500), u16(100), u16(64_500), u16(666)])),
    attribute(32, Buffer.concat([u32(64_500), u32(1), u32(2)])),
    attribute(99, Buffer.from('later')),
  ),
);

describe('reading an MRT table dump', () => {
  it('gives path, MED, local preference and communities, and passes over what it does not know', () => {
    const { routes, end } = read(Buffer.concat([peerTable, full]));
    expect(end).toEqual({ problem: undefined, skippedRecords: 0 });
    expect(routes).toEqual([
      {
        prefix: '203.0.113.0/24',
        peerAsn: 4_200_000_001,
        asPath: '(65001 65002) 64500 4200000001 {1,2}',
        asPathLength: 3,
        med: 10,
        localPref: 200,
        communities: ['64500:100', '64500:666', '64500:1:2'],
      },
    ]);
  });

  it('gives every path to a prefix, and an empty one for routes from inside', () => {
    const { routes } = read(
      Buffer.concat([peerTable, table(2, [], 0, entry(0, attribute(2, Buffer.alloc(0))), entry(1))]),
    );
    expect(routes.map(({ prefix, peerAsn, asPath, asPathLength }) => [prefix, peerAsn, asPath, asPathLength])).toEqual([
      ['0.0.0.0/0', 64_500, '', 0],
      ['0.0.0.0/0', 4_200_000_001, '', 0],
    ]);
  });

  it.each([
    [[0x20, 0x01, 0x0d, 0xb8, 0x10], 36, '2001:db8:1000::/36'],
    [[0x20, 0x01, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], 128, '2001:0:0:1::1/128'],
    [[0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7], 128, '0:1:2:3:4:5:6:7/128'],
    [[], 0, '::/0'],
  ])('writes IPv6 as RFC 5952 does: %j/%i', (bytes, length, text) => {
    expect(read(Buffer.concat([peerTable, table(4, bytes, length, entry(0))])).routes[0]?.prefix).toBe(text);
  });

  it('takes both forms of MP_REACH_NLRI, the bare next hop and the whole attribute', () => {
    const bare = Buffer.concat([u8(16), Buffer.alloc(16, 2)]);
    const whole = Buffer.concat([u16(2), u8(1), u8(16), Buffer.alloc(16, 2), u8(0)]);
    for (const reach of [bare, whole]) {
      const dump = Buffer.concat([
        peerTable,
        table(4, [0x20, 0x01], 16, entry(0, attribute(14, reach), attribute(4, u32(5)))),
      ]);
      expect(read(dump).routes).toMatchObject([{ prefix: '2001::/16', med: 5 }]);
    }
  });

  it('reads dumps with several paths of one peer (RFC 8050)', () => {
    const withId = Buffer.concat([u16(0), u32(0), u32(77), u16(7), attribute(5, u32(300))]);
    expect(read(Buffer.concat([peerTable, table(8, [10], 8, withId)])).routes).toMatchObject([
      { prefix: '10.0.0.0/8', localPref: 300 },
    ]);
  });

  it('passes over records of other kinds and counts them', () => {
    const { routes, end } = read(Buffer.concat([record(4, Buffer.alloc(40), 16), peerTable, full]));
    expect(routes).toHaveLength(1);
    expect(end.skippedRecords).toBe(1);
  });

  it('keeps what came before a torn record, and says where that begins', () => {
    const dump = Buffer.concat([peerTable, full, full.subarray(0, full.length - 3)]);
    const { routes, end } = read(dump);
    expect(routes).toHaveLength(1);
    expect(end.problem).toMatch(new RegExp(`^record at byte ${peerTable.length + full.length}: `));
  });

  it('cut or damaged anywhere it ends with a word about it, and invents no route before the damage', () => {
    const dump = Buffer.concat([peerTable, full, full]);
    const [route] = read(dump).routes;
    fc.assert(
      fc.property(fc.nat(dump.length), fc.nat(255), fc.boolean(), (at, value, isCut) => {
        const damaged = Buffer.from(isCut ? dump.subarray(0, at) : dump);
        if (!isCut && at < dump.length) damaged[at] = value;
        const { routes } = read(damaged);
        if (at >= peerTable.length + full.length) expect(routes[0]).toEqual(route);
      }),
    );
  });

  it('tells a dump from a text', () => {
    expect(isMrt(Buffer.concat([peerTable, full]))).toBe(true);
    for (const text of ['prefix,site\n10.0.0.0/8,north\n', '[{"prefix":"10.0.0.0/8"}]', '', '192.0.2.0/24']) {
      expect(isMrt(Buffer.from(text))).toBe(false);
    }
  });
});
