import type { CalendarFacts } from '../calendar/calendar-facts.ts';
import type { HoldItem, RegionDemand, RenditionFacts } from '../plan/plan-facts.ts';
import type { FillEconomy } from './fill-economy.ts';
import type { OrderedCluster } from './standing-orders.ts';

/** Everything that `chooseHold` looks at: one cluster on one day. */
export interface HoldInput {
  readonly facts: readonly RenditionFacts[];
  /** Of the cluster's region. */
  readonly demand: RegionDemand;
  /** What part of the region's viewers this cluster serves, 0 to 1. */
  readonly regionShare: number;
  /** What the cluster holds now, by rendition: a value of `HELD` (held.ts). */
  readonly heldNow: Uint8Array;
  readonly cluster: OrderedCluster;
  readonly calendar: CalendarFacts;
  readonly nowMs: number;
  /** Planned space for distinct content, of all appliances of the cluster together. */
  readonly plannedBytes: number;
  /** The most that one appliance has room for; what is larger is held by nobody. */
  readonly maxItemBytes: number;
  readonly economy: FillEconomy;
  readonly settings: HoldSettings;
  /** What plans of the last day had fetched already, pins aside: it counts against all budgets of the day. */
  readonly fetchedLatelyBytes: number;
  /** Most bytes that may be fetched within the day, such as what is left of a month; undefined: no such limit. */
  readonly fillBudgetBytes?: number | undefined;
  /** Most bytes that may be written within the day, so that no disk wears out early; undefined: nothing wears. */
  readonly writeBudgetBytes?: number | undefined;
}

export interface HoldSettings {
  /** What a fill must save, in units of what it costs; 0 fills whatever there is room for. */
  readonly minSavedPerFilled: number;
  /** Standard deviations that the low estimate lies below the mean. */
  readonly fillCaution: number;
  /** Of the planned space, at most for heads. */
  readonly headShare: number;
}

export const DEFAULT_HOLD_SETTINGS: HoldSettings = { minSavedPerFilled: 1, fillCaution: 0.3, headShare: 0.02 };

export interface HoldChoice {
  readonly items: readonly HoldItem[];
  /** Why each rendition is held or not, by rendition: index into `HOLD_VERDICTS`. */
  readonly verdicts: Uint8Array;
  /** Renditions of which nothing is held for want of room, best first. */
  readonly leftOut: Uint32Array;
  /** Bytes of the items, and those of them that have to be fetched; of these, what pins want whatever it costs. */
  readonly heldBytes: number;
  readonly fillBytes: number;
  readonly pinnedFillBytes: number;
  /** Expected to be served within the day from the items, and to be asked for in all. */
  readonly servedBytes: number;
  readonly askedBytes: number;
  /** Of the expected starts, those whose first seconds are among the items. */
  readonly localStartShare: number;
}
