import { expect, test } from 'vitest';
import { sessionOfViewer, ViewQueue } from '../../../appliance/quality/view-queue.ts';
import { type DeliveredView, ViewerSketches } from '../../../appliance/quality/viewer-sketches.ts';
import { parseQualitySketch, throughputBucket } from '../../../src/contracts/quality-sketch.ts';
import { KeyedHash } from '../../../src/hashing/keyed-hash.ts';

const HASH = new KeyedHash(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
const view = (address: string, more: Partial<DeliveredView> = {}): DeliveredView => ({
  address,
  cmcd: undefined,
  bytes: 1_000_000,
  durationMs: 1000,
  ending: 'whole',
  ...more,
});
const make = (minClients = 3): ViewerSketches => new ViewerSketches(minClients, HASH);
const ratesOf = (throughput: readonly number[] = []): number[] =>
  throughput.flatMap((count, at) => (count > 0 ? [at] : []));

test('a neighbourhood is told when enough viewers are in it, with what they got', () => {
  const sketches = make();
  for (const last of [1, 2]) sketches.take(view(`203.0.113.${last}`), 0);
  expect(sketches.ship(5000)).toBeUndefined();
  sketches.take(view('::ffff:203.0.113.3', { cmcd: 'bs,mtp=2000', ending: 'left' }), 5000);
  sketches.take(view('203.0.113.3', { ending: 'failed' }), 5000);
  const shipped = sketches.ship(10_000);
  expect(shipped).toMatchObject({
    groups: [{ prefix: '203.0.113.0/24', clients: 3, requests: 4, reports: 1, stalls: 1, aborts: 1, errors: 1 }],
    rest: { requests: 0 },
  });
  expect(ratesOf(shipped?.groups[0]?.throughput)).toEqual([throughputBucket(2e6), throughputBucket(8e6)]);
  expect(parseQualitySketch({ version: 1, applianceId: 'a', sentAtMs: 1, ...shipped })).toMatchObject(shipped ?? {});
  expect(sketches.ship(15_000)).toBeUndefined();
});

test('what too few got is added up without their prefix after a minute, and nothing tells of one viewer', () => {
  const sketches = make();
  sketches.take(view('203.0.113.7', { cmcd: 'sid="my-session",bs' }), 0);
  sketches.take(view('2001:db8:5:6::1'), 0);
  sketches.take(view('2001:db8:5:6::2'), 0);
  sketches.take(view('2001:db8:5:7::2'), 0);
  expect(sketches.ship(59_999)).toBeUndefined();
  const shipped = sketches.ship(60_000);
  expect(shipped).toMatchObject({ groups: [], rest: { requests: 4, stalls: 1 } });
  expect(JSON.stringify(shipped)).not.toMatch(/203|2001|session/);
});

test('IPv6 viewers are told apart by /64 and lie together in a /48', () => {
  const sketches = make();
  for (const net of ['6', '7', '8']) sketches.take(view(`2001:db8:5:${net}::1`), 0);
  expect(sketches.ship(0)?.groups).toMatchObject([{ prefix: '2001:db8:5::/48', clients: 3 }]);
});

test("the lower of the player's rate and our own counts, and short answers have none of their own", () => {
  const rate = (more: Partial<DeliveredView>): number[] => {
    const sketches = make(1);
    sketches.take(view('203.0.113.1', more), 0);
    return ratesOf(sketches.ship(0)?.groups[0]?.throughput);
  };
  expect(rate({})).toEqual([throughputBucket(8e6)]);
  expect(rate({ cmcd: 'mtp=(30000),v=2' })).toEqual([throughputBucket(8e6)]);
  expect(rate({ cmcd: 'mtp=(3000),v=2' })).toEqual([throughputBucket(3e6)]);
  expect(rate({ bytes: 1000 })).toEqual([]);
  expect(rate({ bytes: 1000, cmcd: 'mtp=3000' })).toEqual([throughputBucket(3e6)]);
  expect(rate({ ending: 'left' })).toEqual([]);
  expect(rate({ durationMs: 0, cmcd: 'mtp=0' })).toEqual([]);
});

test('a viewer that asks for much weighs no more than another, and odd reports change nothing', () => {
  const sketches = make(1);
  const outcomes = new Set(Array.from({ length: 500 }, () => sketches.take(view('203.0.113.1', { cmcd: 'bs' }), 0)));
  expect([...outcomes]).toEqual(['counted', 'capped']);
  expect(sketches.ship(0)?.groups).toMatchObject([{ requests: 60 }]);
  expect(sketches.take(view('203.0.113.2', { cmcd: ';;"' }), 0)).toBe('malformed');
  expect(sketches.take(view('203.0.113.2', { cmcd: 'v=7' }), 0)).toBe('malformed');
  expect(sketches.take(view(''), 0)).toBe('counted');
});

test('without room for more neighbourhoods they count in the rest', () => {
  const sketches = make(1);
  for (let net = 0; net < 5000; net += 1) sketches.take(view(`10.${net >> 8}.${net & 255}.1`), 0);
  expect(sketches.size).toBe(4000);
  expect(sketches.ship(0)).toMatchObject({ rest: { requests: 1000 } });
});

test('views wait in a queue, are handed over with what the player reports, and are left out when there are too many', () => {
  const queue = new ViewQueue();
  const viewer = { address: '203.0.113.1', target: '/a?CMCD=sid%3D%22s%22%2Cbs', headers: {} };
  queue.put(viewer, 5, 7, 'left');
  const views: DeliveredView[] = [];
  expect(queue.drain(10, (taken) => void views.push(taken))).toBe(false);
  expect(views).toEqual([{ address: '203.0.113.1', cmcd: 'sid="s",bs', bytes: 5, durationMs: 7, ending: 'left' }]);
  for (let at = 0; at < 8200; at += 1) queue.put(viewer, 1, 1, 'whole');
  expect([queue.takeLeftOut(), queue.takeLeftOut()]).toEqual([8, 0]);
  expect(queue.drain(200, () => undefined)).toBe(true);
});

test('CMCD-6: the session that a player names can be read from its request', () => {
  const viewer = { address: '', target: '/a?CMCD=sid%3D%22s-1%22', headers: {} };
  expect(sessionOfViewer(viewer)).toBe('s-1');
  expect(sessionOfViewer({ ...viewer, headers: { 'cmcd-session': 'sid="h"' } })).toBe('h');
  expect(sessionOfViewer({ ...viewer, target: '/a' })).toBeUndefined();
  expect(sessionOfViewer({ ...viewer, target: '/a?CMCD=;;' })).toBeUndefined();
});
