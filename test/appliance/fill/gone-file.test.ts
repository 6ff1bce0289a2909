import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { SmallDisk, whyNoSmallDisk } from '../store/small-disk.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';

const MIB = 2 ** 20;
const noExt4 = whyNoSmallDisk('ext4');

describe('a file that the origin took away', () => {
  let rig: ApplianceRig | undefined;

  afterEach(async () => {
    await rig?.stop();
    rig = undefined;
  });

  // Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
  it.skipIf(noExt4 !== undefined)('is answered with 404 also where the disk that holds it fails', async () => {
    using disk = SmallDisk.ext4();
    rig = await startAppliance({
      flags: { volume: [disk.dir], volumeCapacityBytes: '16Mi', maxSourceConnections: 1 },
    });
    const { url, origin, adminUrl } = rig;
    const headers = { 'cache-control': 'max-age=600' };
    const bytes = patterned(MIB);
    origin.files.set('/gone.mp4', { bytes, etag: '"g"', headers });
    origin.files.set('/here.mp4', { bytes, etag: '"h"', headers });
    await ask(`${url}/gone.mp4`);
    disk.fail();
    await until(async () => {
      await ask(`${url}/here.mp4`);
      return (await ask(`${adminUrl}/readyz`)).status === 503;
    });
    // A body that stays in the connection until somebody reads it.
    origin.files.set('/gone.mp4', { bytes: patterned(4 * MIB), status: 404 });
    expect((await ask(`${url}/gone.mp4`)).status).toBe(404);
    expect((await ask(`${url}/here.mp4`)).body.equals(bytes)).toBe(true);
    await rig.stop();
    rig = undefined;
  });
});
