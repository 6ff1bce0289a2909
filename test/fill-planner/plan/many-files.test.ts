import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCatalogueSnapshot } from '../../../src/contracts/catalogue-snapshot.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';
import { CycleRig } from './cycle-rig.ts';

/** What the contract of the catalogue takes in one rendition: eleven days in segments of ten seconds. */
const FILES = 100_000;
const SEGMENT_BYTES = 1000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let rig: CycleRig;
beforeEach(async () => {
  folder = await temporaryFolder();
  rig = new CycleRig(folder.path, Date.UTC(2030, 0, 20));
});
afterEach(async () => {
  rig.close();
  await folder[Symbol.asyncDispose]();
});

test('a rendition of a hundred thousand files is in the catalogue, in a plan and in what the appliance gets', async () => {
  rig.setFleet({
    sites: [{ id: 's', timeZone: 'UTC', region: 'r', fillWindow: { start: '02:00', hours: 4 }, fillBitsPerSec: 1e9 }],
    clusters: [{ id: 'c', siteId: 's' }],
    appliances: [{ id: 'a', clusterId: 'c', baseUrl: 'http://a.example', capacityBytes: 1e12 }],
  });
  const files = Array.from({ length: FILES }, (_, at) => ({
    path: `/long/${at}.m4s`,
    sizeBytes: SEGMENT_BYTES,
    root: createHash('sha256').update(String(at)).digest('hex'),
  }));
  const sizeBytes = FILES * SEGMENT_BYTES;
  rig.parts.catalog.put(
    {
      title: {
        id: 'long',
        name: 'long',
        durationMs: 1e9,
        originUrl: 'http://origin.example',
        renditions: [{ id: 'long/v', kind: 'video', sizeBytes, files }],
      },
      files: files.map((file) => ({ ...file, blockHashes: Buffer.alloc(0), segments: [] })),
      measures: [
        { durationMs: 1e9, codecs: '', headBytes: files.map(({ sizeBytes: bytes }, at) => (at < 2 ? bytes : 0)) },
      ],
    },
    rig.nowMs,
  );
  rig.watch('r', rig.nowMs - 3_600_000, new Map([['/long/7.m4s', 1e10]]));
  await rig.cycle();
  const plan = rig.plan('a');
  expect(plan?.files).toHaveLength(FILES);
  expect(plan?.renditions).toEqual(['long/v']);
  const snapshot = parseCatalogueSnapshot(JSON.parse([...rig.parts.catalog.snapshotPieces()].join('')));
  expect(snapshot.titles[0]?.renditions[0]?.files).toHaveLength(FILES);
}, 240_000);
