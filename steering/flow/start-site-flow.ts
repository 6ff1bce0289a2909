import type { ConfigOf } from '../../src/config/parameter.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';
import { DemandLedger } from './demand-ledger.ts';
import { createFlowMetrics } from './flow-metrics.ts';
import type { flowParameters } from './flow-parameters.ts';
import { ThreadFlowSolver } from './flow-solver.ts';
import type { FlowSite } from './site-cost.ts';
import { SiteFlow } from './site-flow.ts';

export interface SiteFlowParts {
  readonly config: ConfigOf<typeof flowParameters> & { readonly ttlSec: number };
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The sites that may serve now. */
  readonly sites: () => readonly FlowSite[];
}

/** The shares of sites with the demand that they are made from; it runs once it is started. */
export function createSiteFlow({ config, world, logger, metrics, sites }: SiteFlowParts): {
  readonly flow: SiteFlow;
  readonly demand: DemandLedger;
} {
  const demand = new DemandLedger({ clock: world.clock, forgetMs: config.ttlSec * 1000 });
  const flow: SiteFlow = new SiteFlow({
    world,
    logger,
    solver: new ThreadFlowSolver(),
    demand,
    sites,
    roundMs: config.flowRoundMs,
    keepMs: config.flowKeepMs,
    replicas: config.replicas,
    onRound: (outcome) => counted.round(outcome, flow.report()),
  });
  const counted = createFlowMetrics(metrics, () => flow.report());
  return { flow, demand };
}
