import { startPlannedRig } from '../../appliance/support/planned-rig.ts';
import { type Drill, demand, demandBytes, eventually } from '../drill.ts';
import { DrillOrigin } from '../rig/drill-origin.ts';
import { type DrillAppliance, type DrillRig, MIB } from '../rig/drill-rig.ts';

const BLOCKS = 24;

const peerDies: Drill = {
  name: 'peer-dies',
  does: 'the peer that a file comes from is killed when the client has a part of it',
  why:
    'The next source goes on at the byte where this one stopped, with If-Range, and the client sees nothing. ' +
    'None of the five caches measured replaces a source after the first byte.',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4', { sizeBytes: BLOCKS * MIB });
    const peer = await holding(rig, '/film.mp4');
    const sentBefore = rig.origin.sentBytes('/film.mp4');
    const appliance = await rig.appliance({ id: 'second', peers: peer.url, state: rig.dir('state-2') }, [
      rig.dir('two'),
    ]);
    const client = await appliance.open('/film.mp4');
    await client.received(MIB);
    client.pause();
    await peer.end('SIGKILL');
    client.resume();
    demand((await client.ended) === 'complete', `the client was cut at ${client.receivedBytes}`);
    demandBytes(client.body, bytes, 'the client');
    const fromOrigin = rig.origin.sentBytes('/film.mp4') - sentBefore;
    demand(fromOrigin < BLOCKS * MIB, 'all of it came from the origin: the peer gave nothing');
    return `right bytes; ${((BLOCKS * MIB - fromOrigin) / MIB).toFixed(1)} MiB came from the peer, the rest from the origin`;
  },
};

const peerIsOld: Drill = {
  name: 'peer-is-old',
  does: 'a peer has the first blocks of another version, under the same path',
  why:
    'Bytes of two versions never meet in one body, also where they come from two places. ' +
    "Pelican's engine asks for the rest without If-Range and may splice (read in its source, not measured).",
  needs: [],
  isShort: true,
  async run(rig) {
    const old = await DrillOrigin.start();
    rig.leftovers.add('a peer', () => old.stop());
    const fresh = rig.file('/film.mp4');
    old.put('/film.mp4', Buffer.from(fresh).reverse(), { etag: '"of-last-week"', 'cache-control': 'max-age=1' });
    old.behave('/film.mp4', () => ({ cutAfterBytes: MIB + 1000 }));
    const appliance = await rig.appliance({ peers: old.url });
    const right = [fresh, old.bytesOf('/film.mp4') ?? fresh];
    let whole = 0;
    for (let time = 0; time < 5; time += 1) {
      const { body, end } = await appliance.get('/film.mp4');
      demand(
        end === 'cut' || right.some((bytes) => body.equals(bytes)),
        `time ${time + 1}: complete, and of no version`,
      );
      if (end === 'complete') whole += 1;
    }
    demand(whole > 0, 'no answer of five was whole');
    const checked = await appliance.get('/film.mp4', { 'cache-control': 'no-cache' });
    demandBytes(checked.body, fresh, 'who asked for what the origin has');
    return `${whole} of 5 whole, none spliced, right when the origin is to be asked`;
  },
};

const peerLies: Drill = {
  name: 'peer-lies',
  does: 'a peer gives a block of a planned file with one bit wrong, time and again',
  why:
    'The hash of each block is known from the signed manifest before it comes, so no wrong bit leaves or is stored, and the peer is left for the origin. ' +
    'No other open cache can tell; Pelican compares one digest at the end of the transfer.',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4');
    const liar = await DrillOrigin.start();
    rig.leftovers.add('a peer', () => liar.stop());
    const lie = Buffer.from(bytes);
    for (const block of [0, 2]) lie[block * MIB + 77] = (lie[block * MIB + 77] ?? 0) ^ 1;
    liar.put('/film.mp4', lie, { etag: '"1"' });
    // The parts of an appliance in this process: a plan comes from a planner, which would be much for one bit.
    const planned = await startPlannedRig(rig.origin.url);
    rig.leftovers.add('the parts of an appliance', () => planned.stop());
    planned.plan('/film.mp4', bytes, [{ kind: 'peer', id: 'liar', baseUrl: liar.url, afterSec: 0 }]);
    const response = await fetch(`${planned.url}/film.mp4`);
    demandBytes(Buffer.from(await response.arrayBuffer()), bytes, 'the client');
    const fromLiar = liar.sentBytes('/film.mp4');
    demand(fromLiar > 0, 'the peer was never asked');
    return `right bytes; the peer sent ${(fromLiar / MIB).toFixed(1)} MiB of 4 before it was left`;
  },
};

/** Another appliance, which has all of a file. */
async function holding(rig: DrillRig, path: string): Promise<DrillAppliance> {
  const peer = await rig.appliance({ id: 'first' }, [rig.dir('one')]);
  await peer.get(path);
  await eventually('the peer holds the file', async () => (await peer.heldBlocks(path)) === BLOCKS);
  return peer;
}

export const peerDrills: readonly Drill[] = [peerDies, peerIsOld, peerLies];
