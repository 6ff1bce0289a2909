import { beforeEach, describe, expect, it } from 'vitest';
import { SourceMemory } from '../../../../appliance/fill/planned/source-memory.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

let world: FakeWorld;
let memory: SourceMemory;

const setAsideMs = (path: string, sourceId: string): number =>
  Math.max(0, (memory.learned(path, sourceId)?.setAsideUntilMs ?? 0) - world.clock.monotonicMs());

beforeEach(() => {
  world = new FakeWorld();
  memory = new SourceMemory(world);
});

describe('what planned fill learns of its sources', () => {
  it('sets a peer that lacks a file aside for that file only, and for a short while', () => {
    memory.failed('/a', 'p1', 'SOURCE_LACKS');
    expect(setAsideMs('/a', 'p1')).toBeGreaterThan(0);
    expect(setAsideMs('/a', 'p1')).toBeLessThanOrEqual(1000);
    expect(setAsideMs('/b', 'p1')).toBe(0);
  });

  it('waits longer each time, but never so long that a peer which has the file meanwhile is missed for minutes', () => {
    for (let time = 0; time < 20; time += 1) memory.failed('/a', 'p1', 'SOURCE_LACKS');
    expect(setAsideMs('/a', 'p1')).toBeGreaterThan(7000);
    expect(setAsideMs('/a', 'p1')).toBeLessThanOrEqual(15_000);
  });

  it('sets a source that cannot be reached aside for all files', () => {
    memory.failed('/a', 'p1', 'SOURCE_UNREACHABLE');
    expect(setAsideMs('/b', 'p1')).toBeGreaterThan(0);
  });

  it('does not ask a source again soon that gave wrong bytes of a file', () => {
    memory.failed('/a', 'p1', 'CHECKSUM_MISMATCH');
    expect(setAsideMs('/a', 'p1')).toBeGreaterThanOrEqual(15_000);
    expect(setAsideMs('/b', 'p1')).toBe(0);
  });

  it('sets a source aside for all files once it refused many in a row', () => {
    for (let file = 0; file < 7; file += 1) memory.failed(`/f${file}`, 'origin', 'SOURCE_STATUS');
    expect(setAsideMs('/new', 'origin')).toBe(0);
    memory.failed('/f7', 'origin', 'SOURCE_STATUS');
    expect(setAsideMs('/new', 'origin')).toBeGreaterThan(0);
  });

  it('never holds it against a peer that it lacks many files', () => {
    for (let file = 0; file < 50; file += 1) memory.failed(`/f${file}`, 'p1', 'SOURCE_LACKS');
    expect(setAsideMs('/new', 'p1')).toBe(0);
  });

  it('forgives everything when a block came', () => {
    memory.failed('/a', 'p1', 'SOURCE_TIMEOUT');
    memory.failed('/a', 'p1', 'SOURCE_STATUS');
    memory.succeeded('/a', 'p1');
    expect(setAsideMs('/a', 'p1')).toBe(0);
  });

  it('counts what is being asked of a source', () => {
    const first = memory.asking('p1');
    const second = memory.asking('p1');
    expect(memory.learned('/a', 'p1')?.asked).toBe(2);
    first();
    second();
    expect(memory.learned('/a', 'p1')?.asked).toBe(0);
  });
});

describe('a source that says it gets on', () => {
  const silentMs = (sourceId: string): number => world.clock.monotonicMs() - (memory.gotOnAtMs(sourceId) ?? 0);
  /** Says it every five minutes. */
  const talk = async (minutes: number): Promise<void> => {
    for (let passed = 0; passed < minutes; passed += 5) {
      memory.saidToGetOn('p1');
      await world.clock.advance(300_000);
    }
  };

  it('is believed for an hour, over changes of the plan, and again after each block that it gives', async () => {
    await talk(30);
    memory = new SourceMemory(world, memory);
    await talk(30);
    expect(silentMs('p1')).toBe(300_000);
    await talk(60);
    expect(silentMs('p1')).toBeGreaterThanOrEqual(3_600_000);
    memory.succeeded('/a', 'p1');
    await talk(30);
    expect(silentMs('p1')).toBe(300_000);
  });

  it('is believed again after it was not asked for an hour: that was another window', async () => {
    await talk(120);
    await world.clock.advance(3_600_000);
    await talk(5);
    expect(silentMs('p1')).toBe(300_000);
  });
});
