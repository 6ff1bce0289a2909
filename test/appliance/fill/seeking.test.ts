import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const PATH = '/film.mp4';

describe('who waits for a block behind a long run', () => {
  let rig: ApplianceRig;
  const bytes = patterned(5 * MIB);

  beforeEach(async () => {
    rig = await startAppliance();
    rig.origin.files.set(PATH, { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
    rig.origin.isHeld = true;
  });

  afterEach(() => rig.stop());

  it('has it while the run still stands at its beginning, and each block is fetched once', async () => {
    const early = openAnswer(`${rig.url}${PATH}`);
    const run = await rig.origin.arrival();
    run.head();
    run.send(1000);
    await (await early).received(1000);
    const seeking = openAnswer(`${rig.url}${PATH}`, { headers: { range: `bytes=${3 * MIB}-${3 * MIB + 99}` } });
    const tail = await rig.origin.arrival();
    expect(tail.range).toBe(`bytes=${3 * MIB}-${5 * MIB - 1}`);
    tail.release();
    const sought = await seeking;
    expect(await sought.ended).toBe('complete');
    expect(sought.body.equals(bytes.subarray(3 * MIB, 3 * MIB + 100))).toBe(true);
    expect((await early).receivedBytes).toBe(1000);
    run.send(3 * MIB - 1000);
    await run.closed;
    expect(await (await early).ended).toBe('complete');
    expect((await early).body.equals(bytes)).toBe(true);
    expect(rig.origin.requests).toHaveLength(2);
    expect(rig.origin.sentBytes).toBe(5 * MIB);
  });

  it('and waits where the stream is quick: what the origin has sent already it is not asked for again', async () => {
    const early = openAnswer(`${rig.url}${PATH}`);
    const run = await rig.origin.arrival();
    run.head();
    run.send(1000);
    await (await early).received(1000);
    const seeking = openAnswer(`${rig.url}${PATH}`, { headers: { range: `bytes=${3 * MIB}-${3 * MIB + 99}` } });
    run.send();
    run.end();
    expect(await (await seeking).ended).toBe('complete');
    expect(await (await early).ended).toBe('complete');
    expect(rig.origin.requests).toHaveLength(1);
    expect(rig.origin.sentBytes).toBe(5 * MIB);
  });

  it('and whose block is the next when half of the one in hand is here waits for it', async () => {
    const early = openAnswer(`${rig.url}${PATH}`);
    const run = await rig.origin.arrival();
    run.head();
    run.send(MIB - 1000);
    await (await early).received(MIB - 1000);
    const next = openAnswer(`${rig.url}${PATH}`, { headers: { range: `bytes=${MIB}-${MIB + 99}` } });
    run.send();
    run.end();
    expect(await (await next).ended).toBe('complete');
    expect(await (await early).ended).toBe('complete');
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('has it though all who wanted what lies between have left', async () => {
    await rig.stop();
    // No second run can begin: he waits in the first.
    rig = await startAppliance({ flags: { maxFills: 1 } });
    rig.origin.files.set(PATH, { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
    rig.origin.isHeld = true;
    const inHand = async (count: number): Promise<void> =>
      until(async () => {
        const { body } = await ask(`${rig.adminUrl}/v1/state`);
        return (JSON.parse(body.toString()) as { load: { activeRequests: number } }).load.activeRequests === count;
      });
    const early = openAnswer(`${rig.url}${PATH}`);
    const run = await rig.origin.arrival();
    run.head();
    run.send(MIB + 1000);
    await (await early).received(MIB + 1000);
    const seeking = openAnswer(`${rig.url}${PATH}`, { headers: { range: `bytes=${4 * MIB}-${4 * MIB + 99}` } });
    await inHand(2);
    (await early).leave();
    await inHand(1);
    rig.origin.isHeld = false;
    run.send();
    run.end();
    const sought = await seeking;
    expect(sought.status).toBe(206);
    expect(await sought.ended).toBe('complete');
    expect(sought.body.equals(bytes.subarray(4 * MIB, 4 * MIB + 100))).toBe(true);
  });
});
