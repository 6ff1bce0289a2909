import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FillPlanSource } from '../../../src/contracts/fill-plan.ts';
import { until } from '../../support/until.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';
import { type PlannedRig, startPlannedRig } from '../support/planned-rig.ts';

const MIB = 2 ** 20;
const PATH = '/title/v1.mp4';
const BYTES = patterned(2 * MIB);
const LIE = Buffer.from(BYTES);
LIE[5] = (LIE[5] ?? 0) ^ 1;

describe('a block with a checksum', () => {
  let origin: GatedOrigin;
  let liar: GatedOrigin;
  let honest: GatedOrigin;
  let rig: PlannedRig;

  beforeEach(async () => {
    [origin, liar, honest] = [await GatedOrigin.start(), await GatedOrigin.start(), await GatedOrigin.start()];
    rig = await startPlannedRig(origin.url);
    origin.files.set(PATH, { bytes: BYTES, etag: '"o"' });
    honest.files.set(PATH, { bytes: BYTES, etag: '"h"' });
    liar.files.set(PATH, { bytes: LIE, etag: '"l"' });
  });

  afterEach(async () => {
    await rig.stop();
    await Promise.all([origin, liar, honest].map((each) => each.stop()));
  });

  const peer = (at: GatedOrigin, id: string): FillPlanSource => ({ kind: 'peer', id, baseUrl: at.url, afterSec: 0 });

  it('that is wrong and came from two is held against neither: it is taken from one alone', async () => {
    rig.plan(PATH, BYTES, [peer(liar, 'liar'), peer(honest, 'honest')]);
    liar.isHeld = true;
    const client = openAnswer(`${rig.url}${PATH}`);
    const request = await liar.arrival();
    request.head();
    request.send(1000);
    // Only once those bytes are here does the other go on behind them.
    await until(async () => (await rig.filledBytes()) >= 1000);
    request.cut();
    liar.isHeld = false;
    honest.isHeld = true;
    const rest = await honest.arrival();
    expect(rest.range).toMatch(/^bytes=1000-/);
    honest.isHeld = false;
    rest.release();
    expect(await (await client).ended).toBe('complete');
    expect((await client).body.equals(BYTES)).toBe(true);
    expect(honest.requests.length).toBeGreaterThan(0);
    const other = patterned(MIB, 3);
    honest.files.set('/next', { bytes: other, etag: '"n"' });
    rig.plan('/next', other, [peer(honest, 'honest')]);
    await ask(`${rig.url}/next`);
    expect(honest.asked('/next')).toHaveLength(1);
  });

  it('that is of another content by the tag that came with it is held against nobody: plans reach peers one by one', async () => {
    liar.files.set(PATH, { bytes: LIE, etag: `"${'0123456789abcdef'.repeat(2)}"` });
    rig.plan(PATH, BYTES, [peer(liar, 'liar'), peer(honest, 'honest')]);
    expect((await ask(`${rig.url}${PATH}`)).body.equals(BYTES)).toBe(true);
    expect(liar.requests.length).toBeGreaterThan(0);
    const other = patterned(MIB, 3);
    liar.files.set('/next', { bytes: other, etag: '"n"' });
    rig.plan('/next', other, [peer(liar, 'liar')]);
    expect((await ask(`${rig.url}/next`)).body.equals(other)).toBe(true);
    expect(liar.asked('/next')).toHaveLength(1);
  });

  it('that is wrong and came from one keeps viewers from that one for minutes, for other files too', async () => {
    rig.plan(PATH, BYTES, [peer(liar, 'liar'), peer(honest, 'honest')]);
    expect((await ask(`${rig.url}${PATH}`)).body.equals(BYTES)).toBe(true);
    expect(liar.requests).toHaveLength(1);
    const other = patterned(MIB, 3);
    for (const at of [liar, honest]) at.files.set('/next', { bytes: other, etag: '"n"' });
    rig.plan('/next', other, [peer(liar, 'liar'), peer(honest, 'honest')]);
    expect((await ask(`${rig.url}/next`)).body.equals(other)).toBe(true);
    expect(liar.asked('/next')).toHaveLength(0);
    expect(honest.asked('/next')).toHaveLength(1);
  });
});
