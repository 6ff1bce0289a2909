import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FillPlanSource } from '../../../src/contracts/fill-plan.ts';
import type { OperationalError } from '../../../src/errors/operational-error.ts';
import { until } from '../../support/until.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';
import { type PlannedRig, startPlannedRig } from '../support/planned-rig.ts';

const MIB = 2 ** 20;
const BYTES = patterned(3 * MIB + 77);
const PATH = '/title/v1.mp4';

describe('a planned file', () => {
  let origin: GatedOrigin;
  let peer: GatedOrigin;
  let rig: PlannedRig;

  beforeEach(async () => {
    origin = await GatedOrigin.start();
    peer = await GatedOrigin.start();
    rig = await startPlannedRig(origin.url);
    origin.files.set(PATH, { bytes: BYTES, etag: '"at-the-origin"' });
  });

  afterEach(async () => {
    await rig.stop();
    await peer.stop();
    await origin.stop();
  });

  const peerSource = (at = peer): FillPlanSource => ({ kind: 'peer', id: 'oca-2', baseUrl: at.url, afterSec: 0 });
  const signal = (): AbortSignal => AbortSignal.timeout(10_000);

  it('is named by its manifest, typed by its name, and never stale', async () => {
    const { manifest } = rig.plan(PATH, BYTES, []);
    const answer = await ask(`${rig.url}${PATH}`);
    expect(answer.headers.etag).toBe(`"${manifest.root.slice(0, 32)}"`);
    expect(answer.headers['content-type']).toBe('video/mp4');
    expect(answer.headers['cache-control']).toContain('immutable');
    expect(answer.body.equals(BYTES)).toBe(true);
    expect(rig.demand.get(PATH)).toBe(BYTES.length);
    await origin.stop();
    expect((await ask(`${rig.url}${PATH}`)).headers['cache-status']).toMatch(/^oca-1;hit/);
  });

  it('counts as missed while it has to be fetched, and as held afterwards', async () => {
    rig.plan(PATH, BYTES, []);
    await ask(`${rig.url}${PATH}`);
    expect(rig.missed.get(PATH)).toBe(BYTES.length);
    await ask(`${rig.url}${PATH}`);
    expect(rig.demand.get(PATH)).toBe(2 * BYTES.length);
    expect(rig.missed.get(PATH)).toBe(BYTES.length);
  });

  it('comes from a peer, who is asked only for what it holds, and else from the origin', async () => {
    rig.plan(PATH, BYTES, [peerSource()]);
    peer.isHeld = true;
    const client = openAnswer(`${rig.url}${PATH}`, { headers: { range: 'bytes=0-9' } });
    const request = await peer.arrival();
    expect(request.headers['cache-control']).toBe('only-if-cached');
    expect(request.range).toBe(`bytes=0-${MIB - 1}`);
    request.refuse(504);
    expect(await (await client).ended).toBe('complete');
    expect((await client).body.equals(BYTES.subarray(0, 10))).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('lets no byte out before its block is checked: a lying peer is left, and nobody notices', async () => {
    const lie = Buffer.from(BYTES);
    lie[MIB + 5] = (lie[MIB + 5] ?? 0) ^ 1;
    peer.files.set(PATH, { bytes: lie, etag: '"lie"' });
    rig.plan(PATH, BYTES, [peerSource()]);
    const answer = await ask(`${rig.url}${PATH}`);
    expect(answer.body.equals(BYTES)).toBe(true);
    expect(origin.requests[0]?.range).toMatch(new RegExp(`^bytes=${MIB}-`));
  });

  it('is answered with 502 when no source has the right bytes', async () => {
    origin.files.set(PATH, { bytes: patterned(BYTES.length, 9), etag: '"other"' });
    rig.plan(PATH, BYTES, []);
    expect((await ask(`${rig.url}${PATH}`)).status).toBe(502);
    expect(rig.store.usage().usedBytes).toBe(0);
  });

  it('is filled by the plan and by viewers in one fill', async () => {
    const file = rig.plan(PATH, BYTES, []);
    origin.isHeld = true;
    using object = rig.fills.openPlanned(file);
    const source: FillPlanSource = { kind: 'origin', id: 'origin', baseUrl: origin.url, afterSec: 0 };
    const filling = rig.fills.fillPlannedBlock(object, file, 1, [source], signal());
    const request = await origin.arrival();
    const client = openAnswer(`${rig.url}${PATH}`, { headers: { range: `bytes=${MIB}-${MIB + 9}` } });
    request.release();
    expect(await filling).toEqual({ kind: 'origin', bytes: MIB });
    expect(await (await client).ended).toBe('complete');
    expect(origin.requests).toHaveLength(1);
    expect(object.holds(1)).toBe(true);
    expect(await rig.fills.fillPlannedBlock(object, file, 1, [source], signal())).toEqual({
      kind: undefined,
      bytes: 0,
    });
  });

  it('reaches a viewer from the origin when the plan asked a peer who lacks it', async () => {
    const file = rig.plan(PATH, BYTES, [peerSource()]);
    peer.isHeld = true;
    using object = rig.fills.openPlanned(file);
    const filling = rig.fills.fillPlannedBlock(object, file, 0, [peerSource()], signal());
    const failure = filling.then(
      () => 'filled',
      (error: OperationalError) => error.code,
    );
    const request = await peer.arrival();
    const client = openAnswer(`${rig.url}${PATH}`, { headers: { range: 'bytes=0-9' } });
    request.refuse(504);
    expect(await failure).toBe('SOURCE_LACKS');
    (await peer.arrival()).refuse(504);
    expect(await (await client).ended).toBe('complete');
    expect((await client).body.equals(BYTES.subarray(0, 10))).toBe(true);
  });

  it('is left in the middle of a block when the plan has no more time, and nothing more is asked for', async () => {
    const file = rig.plan(PATH, BYTES, []);
    origin.isHeld = true;
    using object = rig.fills.openPlanned(file);
    const source: FillPlanSource = { kind: 'origin', id: 'origin', baseUrl: origin.url, afterSec: 0 };
    const window = new AbortController();
    const filling = rig.fills.fillPlannedBlock(object, file, 0, [source], window.signal);
    const request = await origin.arrival();
    request.head();
    request.send(1000);
    window.abort(new Error('the window is over'));
    await expect(filling).rejects.toThrow('the window is over');
    await request.closed;
    expect(object.holds(0)).toBe(false);
    expect(origin.requests).toHaveLength(1);
  });

  it('goes on to its end after the window when a viewer waits for the block', async () => {
    const file = rig.plan(PATH, BYTES, []);
    origin.isHeld = true;
    using object = rig.fills.openPlanned(file);
    const source: FillPlanSource = { kind: 'origin', id: 'origin', baseUrl: origin.url, afterSec: 0 };
    const window = new AbortController();
    const filling = rig.fills.fillPlannedBlock(object, file, 1, [source], window.signal);
    const request = await origin.arrival();
    using lease = rig.fills.find(PATH);
    // The viewer stands in the object as soon as the first piece is asked for.
    const piece = lease?.read({ first: MIB, last: MIB + 9 }, signal()).next();
    window.abort(new Error('the window is over'));
    await expect(filling).rejects.toThrow('the window is over');
    request.release();
    expect(Buffer.from((await piece)?.value ?? []).equals(BYTES.subarray(MIB, MIB + 10))).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('is not filled by the plan from a source that sends the whole file for a range', async () => {
    origin.files.set(PATH, { bytes: BYTES, etag: '"whole"', ranges: false });
    const file = rig.plan(PATH, BYTES, []);
    using object = rig.fills.openPlanned(file);
    const source: FillPlanSource = { kind: 'origin', id: 'origin', baseUrl: origin.url, afterSec: 0 };
    await expect(rig.fills.fillPlannedBlock(object, file, 1, [source], signal())).rejects.toThrow(/needs ranges/);
    expect(await rig.fills.fillPlannedBlock(object, file, 0, [source], signal())).toEqual({
      kind: 'origin',
      bytes: MIB,
    });
    expect(object.heldBlocks).toBe(1);
  });

  it('takes the place of what was fetched on demand under the same path', async () => {
    origin.files.set(PATH, { bytes: patterned(500), etag: '"before"', headers: { 'cache-control': 'max-age=600' } });
    expect((await ask(`${rig.url}${PATH}`)).headers.etag).toBe('"before"');
    origin.files.set(PATH, { bytes: BYTES, etag: '"after"' });
    const { manifest } = rig.plan(PATH, BYTES, []);
    const answer = await ask(`${rig.url}${PATH}`);
    expect(answer.headers.etag).toBe(`"${manifest.root.slice(0, 32)}"`);
    expect(answer.body.equals(BYTES)).toBe(true);
  });

  it('is asked of a peer by the plan as work that nobody waits for, and by a viewer who waits not so', async () => {
    const file = rig.plan(PATH, BYTES, [peerSource()]);
    peer.files.set(PATH, { bytes: BYTES, etag: '"same"' });
    const object = rig.fills.openPlanned(file);
    await rig.fills.fillPlannedBlock(object, file, 0, file.sources, new AbortController().signal);
    object[Symbol.dispose]();
    await ask(`${rig.url}${PATH}`, { headers: { range: `bytes=${MIB}-${MIB}` } });
    expect(peer.requests.map(({ headers }) => headers['priority'])).toEqual(['u=7', undefined]);
  });

  it('is given to a peer that fills by its plan without being taken for a viewer', async () => {
    rig.plan(PATH, BYTES, []);
    await ask(`${rig.url}${PATH}`);
    const asked = { range: 'bytes=0-9', 'cache-control': 'only-if-cached' };
    const before = rig.viewersWaited.length;
    expect((await ask(`${rig.url}${PATH}`, { headers: { ...asked, priority: 'u=7' } })).status).toBe(206);
    // A peer's viewer waits as ours do; and who is no peer waits whatever he says.
    await ask(`${rig.url}${PATH}`, { headers: asked });
    await ask(`${rig.url}${PATH}`, { headers: { range: 'bytes=0-9', priority: 'u=7' } });
    await until(() => rig.viewersWaited.length >= before + 2);
    expect(rig.viewersWaited).toHaveLength(before + 2);
  });

  it('is given to a peer block by block as it is held, and not counted as a viewer’s wish', async () => {
    rig.plan(PATH, BYTES, []);
    await ask(`${rig.url}${PATH}`, { headers: { range: `bytes=${MIB}-${MIB + 9}` } });
    rig.demand.clear();
    const asPeer = (range: string) =>
      ask(`${rig.url}${PATH}`, { headers: { range, 'cache-control': 'only-if-cached' } });
    const held = await asPeer(`bytes=${MIB}-${2 * MIB - 1}`);
    expect(held.status).toBe(206);
    expect(held.body.equals(BYTES.subarray(MIB, 2 * MIB))).toBe(true);
    expect((await asPeer(`bytes=0-${MIB - 1}`)).status).toBe(504);
    expect(rig.demand.size).toBe(0);
    expect(origin.requests).toHaveLength(1);
  });
});
