import { type ApplianceRig, startAppliance } from '../../support/appliance-rig.ts';
import { GatedOrigin } from '../../support/gated-origin.ts';
import { ask } from '../../support/http-client.ts';
import { difference } from './compare.ts';
import { converse } from './converse.ts';
import type { Script } from './generate.ts';

/**
 * The threads of one engine look at the clock also while this process, with the clients in it, stands still for want of
 * processors: then the usual 5 s for a head are too few, and one engine answers 408.
 */
const HEAD_TIMEOUT_MS = 60_000;

/** Two appliances in front of one origin, alike but for their engine. */
export class EnginePair {
  readonly fast: ApplianceRig;
  readonly reference: ApplianceRig;
  readonly #origin: GatedOrigin;

  private constructor(origin: GatedOrigin, fast: ApplianceRig, reference: ApplianceRig) {
    this.#origin = origin;
    this.fast = fast;
    this.reference = reference;
  }

  /** @param flagsOf of one of the two @param paths what is asked for of both, so that it is held */
  static async start(
    fill: (origin: GatedOrigin) => void,
    flagsOf: (engine: string) => Readonly<Record<string, unknown>>,
    paths: readonly string[],
  ): Promise<EnginePair> {
    const origin = await GatedOrigin.start();
    fill(origin);
    const start = (engine: string): Promise<ApplianceRig> =>
      startAppliance({
        origin,
        flags: { ...flagsOf(engine), engine, maxConnectionsPerAddress: 1000, headTimeoutMs: HEAD_TIMEOUT_MS },
      });
    const pair = new EnginePair(origin, await start('fast'), await start('reference'));
    for (const { url } of [pair.fast, pair.reference]) for (const path of [...paths, ...paths]) await ask(url + path);
    return pair;
  }

  async stop(): Promise<void> {
    await this.fast.stop();
    await this.reference.stop();
    await this.#origin.stop();
  }

  /** @returns undefined where both say the same to a script */
  async differ(script: Script): Promise<string | undefined> {
    const beganAtMs = performance.now();
    const [left, right] = await Promise.all([
      converse(portOf(this.fast), script),
      converse(portOf(this.reference), script),
    ]);
    return difference(left, right, performance.now() - beganAtMs);
  }
}

const portOf = ({ url }: ApplianceRig): number => Number(new URL(url).port);

/** A counter of an appliance; 0 while it has none. @param name with its labels */
export async function countOf({ adminUrl }: ApplianceRig, name: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
