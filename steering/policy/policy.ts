import { DEFAULT_POLICY, type PolicyFacts } from '../ranking/policy-facts.ts';
import type { IpPrefix } from '../routing/ip-address.ts';

/** The operator's policy as it stands in the file: rules for devices, variants of ranking, cohorts. Never changes. */
export interface Policy {
  /** Names the state of the file in logs and explanations. */
  readonly version: string;
  readonly devices: readonly DeviceRule[];
  /** How everybody is ranked who is in no cohort, in a control group or in a cohort that was rolled back. */
  readonly everybody: PolicyFacts;
  readonly cohorts: readonly Cohort[];
}

/** Devices that need another answer than the rest. All that is named must match. */
export interface DeviceRule {
  readonly name: string;
  /** Classes of device-class.ts; empty: any. */
  readonly classes: readonly string[];
  /** Lower-case parts of the User-Agent of which one must be in it; empty: any. */
  readonly userAgent: readonly string[];
  /** Parameters of the query, a player's hints among them; `*` is any value. */
  readonly query: ReadonlyMap<string, string>;
  readonly answer: DeviceAnswer;
}

/** What a rule changes of an answer; undefined leaves it. */
export interface DeviceAnswer {
  /** Most appliances named beside the origin; with 1 a manifest has one pathway and no steering. */
  readonly maxPathways: number | undefined;
  /** `url`: the steering server by its URL instead of the first answer as `data:` (HLS). `none`: no steering. */
  readonly steering: 'data' | 'url' | 'none' | undefined;
  /** false: none of the appliances that the manifest did not declare, which come as clones. */
  readonly clones: boolean | undefined;
  readonly ttlFactor: number | undefined;
}

/** Sessions that are treated in their own way. */
export interface Cohort {
  readonly name: string;
  /** Draws the sessions: with another salt they are others, and an older roll-back no longer counts. */
  readonly salt: string;
  /** Share of the sessions that match, 0 to 1. */
  readonly share: number;
  /** As many again, treated like everybody, that it is compared with; 0 for a cohort that is not compared. */
  readonly controlShare: number;
  /** Only clients of these; all empty: every client. */
  readonly prefixes: readonly IpPrefix[];
  readonly sites: readonly string[];
  readonly networks: readonly string[];
  readonly facts: PolicyFacts;
  /** undefined: it is never rolled back by itself. */
  readonly rollBack: RollBackRule | undefined;
}

export interface RollBackRule {
  /** Chance of rolling back a cohort that is no worse than its control, over its whole life. */
  readonly falseAlarms: number;
  /** How much more often its sessions may go wrong than the control's: 0.25 is a quarter more often. */
  readonly tolerance: number;
}

export const NO_POLICY: Policy = { version: 'none', devices: [], everybody: DEFAULT_POLICY, cohorts: [] };
