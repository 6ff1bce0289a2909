import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineMemory } from '../../../../appliance/fast-path/owner/engine-memory.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../../src/world/world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

describe('which engine a start takes', () => {
  let stateDir: string;
  let nowMs: number;
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'oca-engine-'));
    nowMs = 1_700_000_000_000;
  });
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

  const open = (softwareVersion: string): EngineMemory =>
    new EngineMemory({
      stateDir,
      clock: { ...systemWorld.clock, nowMs: () => nowMs },
      logger: silentLogger,
      softwareVersion,
    });
  /** As a process does. */
  const start = (softwareVersion = '1.0.0'): { readonly memory: EngineMemory; readonly why: string | undefined } => {
    const memory = open(softwareVersion);
    const why = memory.whyToRest();
    memory.begin(why === undefined);
    return { memory, why };
  };
  const crash = (): void => {
    const { memory, why } = start();
    expect(why).toBeUndefined();
    nowMs += MINUTE_MS;
    memory.crashed();
  };

  it('is the fast one after a single crash, and the other after a second one within minutes', () => {
    crash();
    crash();
    expect(start().why).toContain('crashed 2 times');
    expect(start().why).toContain('within the last day');
  });

  it('is the fast one again after a day, and a crash long ago does not count', () => {
    crash();
    crash();
    expect(start().why).toBeDefined();
    nowMs += DAY_MS;
    crash();
    nowMs += 11 * MINUTE_MS;
    crash();
    expect(start().why).toBeUndefined();
  });

  it('does not rest because it was not wished for a while', () => {
    const memory = open('1.0.0');
    memory.begin(false);
    expect(start().why).toBeUndefined();
  });

  it('is not changed by a look alone', () => {
    crash();
    crash();
    for (let look = 0; look < 3; look += 1) expect(open('1.0.0').whyToRest()).toContain('crashed 2 times');
  });

  it('is the fast one again with another version', () => {
    crash();
    crash();
    expect(start('1.0.1').why).toBeUndefined();
  });

  it('is the fast one after ends that were asked for', () => {
    for (let round = 0; round < 6; round += 1) {
      const { memory, why } = start();
      expect(why).toBeUndefined();
      memory.ended();
    }
  });

  it('is the fast one after three kills, and the other after the fourth', () => {
    for (let kill = 0; kill < 4; kill += 1) expect(start().why).toBeUndefined();
    expect(start().why).toContain('without being stopped');
  });

  it('is the fast one when nothing can be read of the past', () => {
    crash();
    crash();
    writeFileSync(join(stateDir, 'engine.json'), '{"version": 7');
    expect(start().why).toBeUndefined();
  });

  it('is the fast one when the clock was put back to before the crashes', () => {
    crash();
    crash();
    expect(start().why).toBeDefined();
    nowMs -= 2 * DAY_MS;
    expect(start().why).toBeUndefined();
  });
});
