import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { SmallDisk, whyNoSmallDisk } from '../store/small-disk.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';

const MIB = 2 ** 20;
const noTmpfs = whyNoSmallDisk('inMemory');
const noExt4 = whyNoSmallDisk('ext4');

describe('an appliance whose disk', () => {
  let rig: ApplianceRig | undefined;

  afterEach(async () => {
    await rig?.stop();
    rig = undefined;
  });

  // Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
  it.skipIf(noTmpfs !== undefined)(
    'is smaller than what is asked for serves all of it, and goes on as a cache',
    async () => {
      using disk = SmallDisk.inMemory(6);
      rig = await startAppliance({ flags: { volume: [disk.dir], volumeCapacityBytes: '1Gi' } });
      const { url, adminUrl, origin } = rig;
      const bytes = patterned(14 * MIB);
      origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask(`${url}/film.mp4`)));
      for (const answer of answers) expect(answer.body.equals(bytes)).toBe(true);
      await until(async () => (await ask(`${adminUrl}/readyz`)).status === 200);
      await rig.stop();
      rig = undefined;
    },
  );

  // As above: not without the right to mount.
  it.skipIf(noTmpfs !== undefined)(
    'is filled by others serves on through memory, and says that it is full',
    async () => {
      using disk = SmallDisk.inMemory(6);
      rig = await startAppliance({ flags: { volume: [disk.dir], volumeCapacityBytes: '1Gi' } });
      const { url, adminUrl, origin } = rig;
      expect(() => writeFileSync(join(disk.dir, 'foreign'), Buffer.alloc(6 * MIB))).toThrow('ENOSPC');
      const bytes = patterned(14 * MIB);
      origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask(`${url}/film.mp4`)));
      for (const answer of answers) expect(answer.body.equals(bytes)).toBe(true);
      await until(async () => (await ask(`${adminUrl}/readyz`)).body.toString().includes('is full'));
      await rig.stop();
      rig = undefined;
    },
  );

  // As above: not without the right to mount.
  it.skipIf(noExt4 !== undefined)('fails serves on: what memory has, and what the origin has', async () => {
    using disk = SmallDisk.ext4();
    rig = await startAppliance({ flags: { volume: [disk.dir], volumeCapacityBytes: '16Mi', readAheadBlocks: 2 } });
    const { url, origin } = rig;
    const before = patterned(2 * MIB, 1);
    const after = patterned(3 * MIB, 2);
    const headers = { 'cache-control': 'max-age=600' };
    origin.files.set('/before.mp4', { bytes: before, etag: '"b"', headers });
    origin.files.set('/after.mp4', { bytes: after, etag: '"a"', headers });
    await ask(`${url}/before.mp4`);
    disk.fail();
    for (let round = 0; round < 3; round += 1) {
      expect((await ask(`${url}/after.mp4`)).body.equals(after)).toBe(true);
      expect((await ask(`${url}/before.mp4`)).body.equals(before)).toBe(true);
    }
    await until(async () => (await ask(`${rig?.adminUrl}/readyz`)).status === 503);
    await rig.stop();
    rig = undefined;
  });
});
