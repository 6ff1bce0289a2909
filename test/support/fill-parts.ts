import { join } from 'node:path';
import { FillHours } from '../../appliance/fill/pace/fill-hours.ts';
import { LinkUse } from '../../appliance/fill/pace/link-use.ts';
import { GoneFiles } from '../../appliance/fill/planned/gone-files.ts';
import type { HeldPlan } from '../../appliance/fill/planned/held-plan.ts';
import { SourceBans } from '../../appliance/fill/sources/source-bans.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';

/** What planned fill is given besides store, filler and plan: the real parts, with their state in a folder of the test. */
export function fillParts(dir: string, world: World, held: HeldPlan) {
  const { clock } = world;
  const logger = silentLogger;
  return {
    hours: new FillHours({ plan: () => held.plan, clock, file: join(dir, 'fill-order.json'), repeatDays: 7 }),
    gone: new GoneFiles({ file: join(dir, 'gone-files.json'), graceMs: 0, clock, logger }),
    bans: new SourceBans(join(dir, 'source-bans.json'), { world, logger, metrics: new Metrics('appliance') }),
    linkUse: new LinkUse(dir, { world, logger }),
  };
}
