import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskObjectStore } from '../../../../appliance/store/disk-object-store.ts';
import type { FillPlanSource } from '../../../../src/contracts/fill-plan.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../../src/world/world.ts';
import { until } from '../../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../../support/gated-origin.ts';
import { ask } from '../../support/http-client.ts';
import { type PlannedRig, startPlannedRig } from '../../support/planned-rig.ts';

const MIB = 2 ** 20;
const HEADERS = { 'cache-control': 'max-age=600' };

/** The only data file under a volume. */
function dataFile(volume: string): string {
  const data = join(volume, 'v1', 'data');
  const [path = ''] = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('-'));
  return join(data, path);
}

function flipByte(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset]! ^= 0x04;
  writeFileSync(file, bytes);
}

describe('a block that rots on the disk of an appliance', () => {
  let rig: ApplianceRig;
  let dir: string;
  let film: Buffer;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'oca-repair-'));
    rig = await startAppliance({ dir, flags: { memoryBytes: '0' } });
    film = patterned(5 * MIB + 123);
    rig.origin.files.set('/film.mp4', { bytes: film, etag: '"v1"', headers: HEADERS });
    await ask(`${rig.url}/film.mp4`);
    await until(async () => metric(`appliance_store_written_bytes_total ${film.length}`));
    rig.origin.requests.length = 0;
  });

  afterEach(async () => {
    await rig.stop();
    await rig.origin.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const metric = async (line: string): Promise<boolean> =>
    (await ask(`${rig.adminUrl}/metrics`)).body.toString().includes(line);

  it.each([
    ['first', 0, 'bytes=0-1048575'],
    ['third', 2, 'bytes=2097152-3145727'],
    ['last', 5, 'bytes=5242880-5243002'],
  ])('is fetched again alone when it is the %s, and the whole body is right', async (_name, block, range) => {
    flipByte(dataFile(join(dir, 'volume')), block * MIB + 77);
    const answer = await ask(`${rig.url}/film.mp4`);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(film)).toBe(true);
    // The head is gone before a later block is looked at.
    expect(answer.headers['cache-status']?.includes(';detail=repaired')).toBe(block === 0);
    expect(rig.origin.requests.map((request) => request.range)).toEqual([range]);
    expect(await metric('appliance_store_lost_blocks_total{why="rotten"} 1')).toBe(true);
    const again = await ask(`${rig.url}/film.mp4`);
    expect(again.body.equals(film)).toBe(true);
    expect(rig.origin.requests).toHaveLength(1);
    expect(await metric('appliance_store_lost_blocks_total{why="rotten"} 1')).toBe(true);
  });

  it('is right also when several rot, and when the file is cut short', async () => {
    const file = dataFile(join(dir, 'volume'));
    for (const block of [0, 1, 4]) flipByte(file, block * MIB + 5);
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(film)).toBe(true);
    truncateSync(file, 2 * MIB + 9);
    const part = await ask(`${rig.url}/film.mp4`, { headers: { range: 'bytes=100-4999999' } });
    expect(part.body.equals(film.subarray(100, 5_000_000))).toBe(true);
  });
});

describe('a block of a planned file that rots', () => {
  let rig: PlannedRig;
  let origin: GatedOrigin;
  let peer: GatedOrigin;
  let volume: string;

  beforeEach(async () => {
    [origin, peer] = await Promise.all([GatedOrigin.start(), GatedOrigin.start()]);
    rig = await startPlannedRig(origin.url, {
      store: (dir) => {
        volume = dir;
        return createDiskObjectStore({
          volumes: [{ dir, capacityBytes: 64 * MIB }],
          memoryBytes: 0,
          world: systemWorld,
          logger: silentLogger,
        });
      },
    });
  });

  afterEach(async () => {
    await rig.stop();
    await Promise.all([origin.stop(), peer.stop()]);
  });

  const isWhole = () => {
    const [object] = rig.store.objects();
    return object !== undefined && object.heldBlocks === object.blockCount;
  };

  it('comes from a peer before the origin, and from the origin when the peer has it rotten too', async () => {
    const film = patterned(4 * MIB + 1, 5);
    origin.files.set('/film.mp4', { bytes: film, etag: '"v1"' });
    peer.files.set('/film.mp4', { bytes: film, etag: '"v1"' });
    const sources: FillPlanSource[] = [
      { kind: 'peer', id: 'peer-1', baseUrl: peer.url, afterSec: 0 },
      { kind: 'origin', id: 'origin', baseUrl: origin.url, afterSec: 0 },
    ];
    rig.plan('/film.mp4', film, sources);
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(film)).toBe(true);
    await until(isWhole);
    expect(origin.requests).toHaveLength(0);
    const fills = peer.requests.length;
    flipByte(dataFile(volume), 2 * MIB + 500);
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(film)).toBe(true);
    expect(peer.requests.length).toBe(fills + 1);
    await until(isWhole);
    expect(origin.requests).toHaveLength(0);

    const rotten = Buffer.from(film);
    rotten[2 * MIB + 9]! ^= 1;
    peer.files.set('/film.mp4', { bytes: rotten, etag: '"v1"' });
    flipByte(dataFile(volume), 2 * MIB + 500);
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(film)).toBe(true);
    expect(origin.requests.map(({ range }) => range)).toEqual([`bytes=${2 * MIB}-${3 * MIB - 1}`]);
  });

  it('is told by the lease that read it', async () => {
    const film = patterned(3 * MIB, 6);
    origin.files.set('/film.mp4', { bytes: film, etag: '"v1"' });
    rig.plan('/film.mp4', film, [{ kind: 'origin', id: 'origin', baseUrl: origin.url, afterSec: 0 }]);
    await ask(`${rig.url}/film.mp4`);
    await until(isWhole);
    flipByte(dataFile(volume), MIB);
    using lease = rig.fills.find('/film.mp4')!;
    const pieces: Uint8Array[] = [];
    for await (const piece of lease.read({ first: 0, last: film.length - 1 }, new AbortController().signal)) {
      pieces.push(Buffer.from(piece));
    }
    expect(Buffer.concat(pieces).equals(film)).toBe(true);
    expect(lease.repairedBlocks).toBe(1);
  });
});
