import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../../support/gated-origin.ts';
import { openAnswer } from '../../support/http-client.ts';

const MIB = 2 ** 20;
const FRESH = patterned(3 * MIB, 2);

let peer: GatedOrigin;
let rig: ApplianceRig;

beforeEach(async () => {
  peer = await GatedOrigin.start();
  rig = await startAppliance({ flags: { peers: [peer.url], readAheadBlocks: 0 } });
  const headers = { 'cache-control': 'max-age=600' };
  peer.files.set('/film.mp4', { bytes: patterned(3 * MIB, 1), etag: '"old"', headers });
  rig.origin.files.set('/film.mp4', { bytes: FRESH, etag: '"new"', headers });
});

afterEach(async () => {
  await rig.stop();
  await peer.stop();
});

it('asks the origin what a file is once it has said that a peer has another version: nobody is cut twice', async () => {
  peer.isHeld = true;
  const client = openAnswer(`${rig.url}/film.mp4`);
  const request = await peer.arrival();
  request.head();
  request.send(MIB + 10);
  await (await client).received(1);
  request.cut();
  // The peer has no more of it, as one that holds a part has not.
  peer.isHeld = false;
  peer.files.delete('/film.mp4');
  expect(await (await client).ended).toBe('cut');
  peer.files.set('/film.mp4', {
    bytes: patterned(3 * MIB, 1),
    etag: '"old"',
    headers: { 'cache-control': 'max-age=600' },
  });
  const next = await openAnswer(`${rig.url}/film.mp4`);
  expect(await next.ended).toBe('complete');
  expect(next.headers.etag).toBe('"new"');
  expect(next.body.equals(FRESH)).toBe(true);
});
