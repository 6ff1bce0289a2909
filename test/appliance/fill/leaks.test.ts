import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { systemWorld, type Timer, type World } from '../../../src/world/world.ts';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';
import { startPlannedRig } from '../support/planned-rig.ts';

const MIB = 2 ** 20;
const FRESH = { 'cache-control': 'max-age=600' };

/** Like no other wait in the process. */
const LIMITS = { readerTimeoutMs: 33_331, blockTimeoutMs: 22_222, connectTimeoutMs: 3333, sourceHeadTimeoutMs: 7777 };
const OF_FILLS = new Set([33_331, 22_222, 11_111, 3333 + 7777, 7777]);

/** The real world, which tells how long each timer that waits was set for. */
function countedWorld(): World & { readonly timers: Map<Timer, number> } {
  const timers = new Map<Timer, number>();
  return {
    ...systemWorld,
    timers,
    clock: {
      ...systemWorld.clock,
      setTimer(delayMs, task) {
        const timer = systemWorld.clock.setTimer(delayMs, () => {
          timers.delete(counted);
          task();
        });
        const counted: Timer = {
          cancel: () => {
            timers.delete(counted);
            timer.cancel();
          },
        };
        timers.set(counted, delayMs);
        return counted;
      },
    },
  };
}

describe('fills that end in any way', () => {
  let rig: ApplianceRig | undefined;
  let peer: GatedOrigin | undefined;

  afterEach(async () => {
    await rig?.stop();
    await peer?.stop();
    rig = undefined;
  });

  const activeSockets = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

  it('leave no timer and no connection behind', async () => {
    const world = countedWorld();
    peer = await GatedOrigin.start();
    rig = await startAppliance({ world, flags: { ...LIMITS, peers: [peer.url] } });
    const { origin, url, adminUrl } = rig;
    for (let at = 0; at < 12; at += 1) {
      const file = { bytes: patterned(2 * MIB, at), etag: '"v1"', headers: FRESH };
      origin.files.set(`/${at}`, file);
      if (at % 2 === 0) peer.files.set(`/${at}`, file);
    }
    const leaving = Array.from({ length: 12 }, async (_, at) => {
      const answer = await openAnswer(`${url}/${at}`);
      if (at % 3 === 0) answer.leave();
      else await answer.ended;
    });
    await Promise.all(leaving);
    await until(async () => {
      const known = await ask(`${adminUrl}/v1/explain?path=/0`);
      const state = await ask(`${adminUrl}/v1/state`);
      const isIdle = state.body.toString().includes('"activeRequests":0');
      return isIdle && (known.status === 404 || known.body.toString().includes('"blocksOnTheirWay":[]'));
    });
    await until(() => [...world.timers.values()].every((delayMs) => !OF_FILLS.has(delayMs)));
  });

  it('are ended by the deadline of a stop, with their connections and timers', async () => {
    const world = countedWorld();
    peer = await GatedOrigin.start();
    rig = await startAppliance({ world, flags: { ...LIMITS, peers: [peer.url] } });
    const socketsBefore = activeSockets();
    rig.origin.isHeld = true;
    rig.origin.files.set('/film', { bytes: patterned(4 * MIB), etag: '"v1"', headers: FRESH });
    const client = openAnswer(`${rig.url}/film`);
    const request = await rig.origin.arrival();
    request.head();
    request.send(1000);
    await (await client).received(1000);
    await rig.service.stop(200);
    await request.closed;
    expect(await (await client).ended).toBe('cut');
    await until(() => activeSockets() <= socketsBefore);
    expect([...world.timers.values()].filter((delayMs) => OF_FILLS.has(delayMs))).toEqual([]);
    rig = undefined;
  });

  it('leave no listener on the signal of who reads, though each piece was waited for', async () => {
    const origin = await GatedOrigin.start();
    const planned = await startPlannedRig(origin.url);
    const bytes = patterned(2 * MIB);
    origin.files.set('/film', { bytes, etag: '"v1"', headers: FRESH });
    planned.plan('/film', bytes, []);
    const { signal } = new AbortController();
    using lease = planned.fills.find('/film');
    let receivedBytes = 0;
    for await (const piece of lease?.read({ first: 0, last: bytes.length - 1 }, signal) ?? []) {
      receivedBytes += piece.length;
    }
    expect(receivedBytes).toBe(bytes.length);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await planned.stop();
    await origin.stop();
  });
});
