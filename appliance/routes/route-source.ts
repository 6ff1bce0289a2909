import type { RouteReport } from '../../src/contracts/route-report.ts';

/** What the ISP announces to this appliance, wherever that is learned. */
export interface RouteSource {
  /** For the operator: where the routes are from. */
  readonly name: string;
  /**
   * Looks again. @returns the routes when they are others than at the look before; undefined when nothing is known to
   * have changed. @throws OperationalError when it cannot be told: what was known stays.
   */
  look(signal: AbortSignal): Promise<RouteReport['routes'] | undefined>;
}
