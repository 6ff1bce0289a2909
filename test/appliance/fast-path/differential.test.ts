import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';
import { difference } from './differential/compare.ts';
import { fillOrigin, PATHS } from './differential/contents.ts';
import { converse } from './differential/converse.ts';
import { Dice } from './differential/dice.ts';
import { makeScript, type Script } from './differential/generate.ts';
import { shrink } from './differential/shrink.ts';

/** The same each time, so that a failure is nobody's bad luck; others by hand. */
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
const SCRIPTS = Number(process.env['DIFFERENTIAL_SCRIPTS'] ?? 1500);
const AT_ONCE = 16;

describe('the fast engine and the reference engine', () => {
  let origin: GatedOrigin;
  let fast: ApplianceRig;
  let reference: ApplianceRig;

  beforeAll(async () => {
    origin = await GatedOrigin.start();
    fillOrigin(origin);
    fast = await start('fast');
    reference = await start('reference');
    for (const rig of [fast, reference]) for (const path of [...PATHS, ...PATHS]) await ask(rig.url + path);
  });
  afterAll(async () => {
    await fast.stop();
    await reference.stop();
    await origin.stop();
  });

  const start = (engine: string): Promise<ApplianceRig> =>
    startAppliance({ origin, flags: { engine, maxConnectionsPerAddress: 1000, steering: '' } });

  const portOf = ({ url }: ApplianceRig): number => Number(new URL(url).port);

  const compared = async (script: Script): Promise<string | undefined> => {
    const beganAtMs = performance.now();
    const [left, right] = await Promise.all([converse(portOf(fast), script), converse(portOf(reference), script)]);
    return difference(left, right, performance.now() - beganAtMs);
  };

  test('give the same answers to whatever they are sent', async () => {
    const dice = new Dice(SEED);
    let requests = 0;
    let done = 0;
    let failed: { readonly script: Script; readonly number: number; readonly says: string } | undefined;
    const work = async (): Promise<void> => {
      while (done < SCRIPTS && failed === undefined) {
        done += 1;
        const number = done;
        const script = makeScript(dice);
        requests += script.sound.length + 2;
        const says = await compared(script);
        if (says !== undefined) failed ??= { script, number, says };
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (failed !== undefined) {
      const { script, number } = failed;
      const again = async (candidate: Script): Promise<boolean> => (await compared(candidate)) !== undefined;
      // What does not happen twice cannot be made smaller.
      const smallest = (await again(script)) ? await shrink(script, again) : script;
      const says = (await compared(smallest)) ?? `not the second time; the first time ${failed.says}`;
      throw new Error(`seed ${SEED}, script ${number}: ${JSON.stringify(smallest, undefined, 1)}\n${says}`);
    }
    expect(requests).toBeGreaterThan(SCRIPTS * 3);
    // Most are what players send, and those must not have been handed over.
    expect(await wireRequests(fast)).toBeGreaterThan(requests * 0.5);
    expect(await wireRequests(reference)).toBe(0);
  }, 120_000);
});

async function wireRequests({ adminUrl }: ApplianceRig): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^appliance_wire_requests_total (\d+)$/m.exec(text)?.[1] ?? 0);
}
