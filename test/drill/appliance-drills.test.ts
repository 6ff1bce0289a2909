import { describe, expect, it } from 'vitest';
import { applianceDrills } from './appliance-drills.ts';
import { type Drill, demand } from './drill.ts';
import { type DrillOutcome, runDrills } from './run-drills.ts';

async function run(drill: Drill): Promise<{ outcome: DrillOutcome | undefined; lines: string[] }> {
  const lines: string[] = [];
  const [outcome] = await runDrills([drill], { print: (line) => lines.push(line), progress: () => undefined });
  return { outcome, lines };
}

describe('the short drills (the others: npm run drill -- appliance)', () => {
  it.each(applianceDrills.filter(({ isShort }) => isShort))('$name: $does', async (drill) => {
    const { outcome } = await run(drill);
    expect(`${outcome?.kind}: ${outcome?.says}`).toMatch(/^pass: /);
  });

  it('have names that differ, and say why', () => {
    expect(new Set(applianceDrills.map(({ name }) => name)).size).toBe(applianceDrills.length);
    for (const { why } of applianceDrills) expect(why.length).toBeGreaterThan(40);
  });
});

describe('the runner of drills', () => {
  const drill: Drill = {
    name: 'sample',
    does: 'does something',
    why: 'for this test',
    needs: [],
    isShort: false,
    run: () => Promise.resolve('42'),
  };

  it('prints one line for a drill that passes, with its key figure', async () => {
    const { outcome, lines } = await run(drill);
    expect(outcome?.kind).toBe('pass');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^pass {4}sample .*does something .*42/);
  });

  it('says what an appliance did not do', async () => {
    const { outcome } = await run({
      ...drill,
      run: () => Promise.resolve().then(() => (demand(false, 'it sang'), '')),
    });
    expect(outcome).toMatchObject({ kind: 'FAIL', says: 'it sang' });
  });

  it('gives up on a drill that does not end', async () => {
    const { outcome } = await run({ ...drill, timeLimitMs: 20, run: () => new Promise(() => undefined) });
    expect(outcome).toMatchObject({ kind: 'FAIL', says: 'not done after 0.02 s' });
  });

  it('undoes what a drill set up, the last first, also where the drill failed and where one step cannot be undone', async () => {
    const undone: string[] = [];
    const { outcome } = await run({
      ...drill,
      run: (rig) => {
        rig.leftovers.add('a mount', () => void undone.push('mount'));
        rig.leftovers.add('a disk', () => Promise.reject(new Error('busy')));
        rig.leftovers.add('a process', () => void undone.push('process'));
        return Promise.reject(new Error('broken'));
      },
    });
    expect(undone).toEqual(['process', 'mount']);
    expect(outcome).toMatchObject({ kind: 'FAIL', says: 'the drill broke: broken; left behind: a disk: busy' });
  });
});
