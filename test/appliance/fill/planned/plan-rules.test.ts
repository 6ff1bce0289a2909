import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import type { SourceScript } from '../../../support/fake-filler.ts';
import { originSource, peerSource } from '../../../support/sample-plan.ts';
import { FillRig, HOUR_MS, MIB, ONE_BLOCK_A_SECOND } from './fill-rig.ts';

let dir: string;
let running: FillRig | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-fill-rules-'));
});
afterEach(async () => {
  await running?.end();
  running = undefined;
  await rm(dir, { recursive: true });
});

async function start(script?: SourceScript): Promise<FillRig> {
  running = new FillRig(dir, script);
  await running.fill.start();
  return running;
}

describe('planned fill by what the plan says besides', () => {
  const peerAndOrigin = [peerSource('p1'), originSource];

  it('fills of a head the blocks that cover it, and keeps a place for no more', async () => {
    const rig = await start();
    rig.plan([{ path: '/film', blocks: 9, headBytes: MIB + 1 }], [{}]);
    await rig.world.clock.advance(20_000);
    expect(rig.filler.calls.map(({ blockIndex }) => blockIndex)).toEqual([0, 1]);
    expect(rig.fill.state).toBe('complete');
    expect([...rig.store.heads]).toEqual([['/film', 2]]);
  });

  it('takes nothing across the link while its rate is 0, and from peers all the same', async () => {
    const rig = await start();
    const rates = [
      { fromMs: rig.startMs, fillBitsPerSec: 0 },
      { fromMs: rig.startMs + 60_000, fillBitsPerSec: ONE_BLOCK_A_SECOND },
    ];
    rig.plan(
      [
        { path: '/far', blocks: 2 },
        { path: '/near', blocks: 2, sources: [peerSource('p1')] },
      ],
      [{ rates, peerBitsPerSec: ONE_BLOCK_A_SECOND }],
    );
    await rig.world.clock.advance(59_000);
    expect(new Set(rig.filler.calls.map(({ path }) => path))).toEqual(new Set(['/near']));
    await rig.world.clock.advance(10_000);
    expect(rig.fill.state).toBe('complete');
  });

  it('has rates for the link and for peers apart', async () => {
    const rig = await start();
    const files = [
      { path: '/far', blocks: 20 },
      { path: '/near', blocks: 90, sources: [peerSource('p1')] },
    ];
    rig.plan(files, [{ peerBitsPerSec: 8 * ONE_BLOCK_A_SECOND }]);
    await rig.world.clock.advance(10_500);
    expect([rig.heldBlocks('/far'), rig.heldBlocks('/near')]).toEqual([10, 80]);
  });

  it('fills in a window for what is urgent nothing else, and waits then', async () => {
    const rig = await start();
    rig.plan(
      [
        { path: '/urgent', blocks: 2, priority: 0 },
        { path: '/other', blocks: 2, priority: 1 },
      ],
      [{ lastPriority: 0, endsAtMs: 60_000 }, { startsAtMs: 100_000 }],
    );
    await rig.world.clock.advance(60_000);
    expect([rig.heldBlocks('/urgent'), rig.heldBlocks('/other'), rig.fill.state]).toEqual([2, 0, 'waiting']);
    await rig.world.clock.advance(60_000);
    expect(rig.heldBlocks('/other')).toBe(2);
  });

  it('stops at a cap for the link, by what came before a restart, too, and goes on when its time is over', async () => {
    const rig = await start();
    rig.parts.linkUse.crossed('fill', 3 * MIB);
    await rig.world.clock.advance(0);
    rig.onFilled = (kind, bytes) => void (kind !== 'peer' && rig.parts.linkUse.crossed('fill', bytes));
    const caps = [{ sinceMs: rig.startMs, untilMs: rig.startMs + 600_000, maxBytes: 6 * MIB }];
    rig.plan([{ path: '/a', blocks: 6 }], [{ caps }]);
    await rig.world.clock.advance(590_000);
    expect(rig.heldBlocks('/a')).toBe(3);
    await rig.world.clock.advance(30_000);
    expect(rig.fill.state).toBe('complete');
  });

  it('goes to the origin only when nobody before it has got on for long enough, however slow he is', async () => {
    let gives = true;
    const rig = await start(async ({ path, sourceId }, signal) => {
      if (sourceId === 'p1' && (path === '/wanted' || !gives)) throw new OperationalError('SOURCE_LACKS', 'p1');
      await rig.world.clock.delay(20_000, signal);
      return undefined;
    });
    const sources = [peerSource('p1'), { ...originSource, afterSec: 60, afterSilenceSec: 60 }];
    rig.plan(
      [
        { path: '/wanted', blocks: 1, sources },
        { path: '/busy', blocks: 30, priority: 1, sources },
      ],
      [{}],
    );
    const toOrigin = (): number => rig.filler.calls.filter(({ sourceId }) => sourceId === 'origin').length;
    await rig.world.clock.advance(300_000);
    expect(toOrigin()).toBe(0);
    gives = false;
    await rig.world.clock.advance(70_000);
    expect(toOrigin()).toBe(0);
    await rig.world.clock.advance(30_000);
    expect(toOrigin()).toBeGreaterThan(0);
  });

  it('counts a source that is seen to hold more than before as getting on', async () => {
    const rig = await start(async ({ sourceId }) => {
      if (sourceId === 'p1') throw new OperationalError('SOURCE_LACKS', 'p1');
      return undefined;
    });
    rig.plan([{ path: '/a', blocks: 1, sources: [peerSource('p1'), { ...originSource, afterSilenceSec: 60 }] }], [{}]);
    for (let minute = 0; minute < 5; minute += 1) {
      await rig.world.clock.advance(50_000);
      rig.fill.gotOn('p1');
    }
    expect(rig.heldBlocks('/a')).toBe(0);
    await rig.world.clock.advance(75_000);
    expect(rig.heldBlocks('/a')).toBe(1);
  });

  it('fills what has a manifest, however many files before it have none', async () => {
    const rig = await start();
    const without = Array.from({ length: 1200 }, (_, index) => ({
      path: `/no${index}`,
      blocks: 1,
      lacksManifest: true,
    }));
    rig.plan([...without, { path: '/a', blocks: 1, priority: 1 }], [{}]);
    await rig.world.clock.advance(10_000);
    expect(rig.heldBlocks('/a')).toBe(1);
  });

  it('looks at the store once, not at every manifest that comes outside of its hours', async () => {
    const rig = await start();
    const wishes = Array.from({ length: 50 }, (_, index) => ({ path: `/f${index}`, blocks: 1, lacksManifest: true }));
    const looks = vi.spyOn(rig.store, 'objects');
    rig.plan(wishes, [{ startsAtMs: HOUR_MS / 2 }]);
    await rig.bringManifests();
    expect(looks.mock.calls.length).toBeLessThan(5);
    await rig.world.clock.advance(HOUR_MS);
    expect(rig.heldBlocks('/f49')).toBe(1);
  });

  it('asks nobody who is banned, and takes the next', async () => {
    const rig = await start();
    rig.parts.bans.gaveWrong({ id: 'p1', kind: 'peer' }, '/x 0');
    rig.parts.bans.gaveRight({ id: 'origin', kind: 'origin' }, '/x 0');
    rig.plan([{ path: '/a', blocks: 3, sources: peerAndOrigin }], [{}]);
    await rig.world.clock.advance(10_000);
    expect(rig.filler.calls.map(({ sourceId }) => sourceId)).toEqual(['origin', 'origin', 'origin']);
  });

  it('stops within the second when the operator pauses, and fills when he says now', async () => {
    const rig = await start();
    rig.plan([{ path: '/a', blocks: 30 }], [{}]);
    await rig.world.clock.advance(5000);
    rig.parts.hours.pause(HOUR_MS / 2);
    const calls = rig.filler.calls.length;
    await rig.world.clock.advance(HOUR_MS / 4);
    expect([rig.filler.calls.length, rig.fill.state]).toEqual([calls, 'waiting']);
    rig.parts.hours.fillNow(HOUR_MS);
    await rig.world.clock.advance(60_000);
    expect(rig.fill.state).toBe('complete');
  });
});
