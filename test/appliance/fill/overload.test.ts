import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const FRESH = { 'cache-control': 'max-age=600' };

describe('when all fills are taken', () => {
  let rig: ApplianceRig;

  afterEach(() => rig.stop());

  it('frees the connection of an answer that is refused its turn', async () => {
    // As long as a fill waits for its turn, and as the origin may take for the rest of /a: a busy machine needs more than 300.
    rig = await startAppliance({ flags: { maxFills: 1, sourceHeadTimeoutMs: 2000, maxSourceConnections: 2 } });
    for (const name of ['a', 'b', 'c']) {
      rig.origin.files.set(`/${name}`, { bytes: patterned(8 * MIB), etag: '"v1"', headers: FRESH });
    }
    rig.origin.isHeld = true;
    const first = openAnswer(`${rig.url}/a`);
    const busy = await rig.origin.arrival();
    busy.head();
    busy.send(1000);
    await (await first).received(1000);
    for (const name of ['b', 'c']) {
      const second = ask(`${rig.url}/${name}`);
      const refused = await rig.origin.arrival();
      refused.head();
      // More than the buffers on the way hold: the connection stays as it is until somebody reads or ends it.
      refused.send();
      expect((await second).status).toBe(503);
      await refused.closed;
    }
    rig.origin.isHeld = false;
    busy.send();
    busy.end();
    expect(await (await first).ended).toBe('complete');
    await until(async () => (await ask(`${rig.url}/a`, { headers: { range: 'bytes=0-9' } })).status === 206);
  });
});
