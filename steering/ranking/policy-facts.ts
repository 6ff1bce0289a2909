/**
 * What an operator's policy says of how one session is ranked: plain data, so that a decision can be made again from
 * its log. The rules that read it are those of score.ts and rank-appliances.ts; a variant only turns them.
 */
export interface PolicyFacts {
  /** The variant's name, for logs and reasons. */
  readonly variant: string;
  /** How steeply sessions leave an appliance between its soft and its hard limit: 1 all by the hard limit, 0 none. */
  readonly yieldSlope: number;
  /** Whether the first places should not all fail together. */
  readonly spreadFailureDomains: boolean;
  /** Appliances of one software version, for bringing out a new one to few sessions first; undefined: any. */
  readonly software: SoftwareWish | undefined;
}

/**
 * `prefer` puts appliances of the version before the others of their site, `avoid` behind them. `require` leaves the
 * others out as long as one of the version can serve; when none can, viewers come before the trial.
 */
export interface SoftwareWish {
  readonly version: string;
  readonly rule: 'prefer' | 'require' | 'avoid';
}

export const DEFAULT_POLICY: PolicyFacts = {
  variant: 'default',
  yieldSlope: 1,
  spreadFailureDomains: true,
  software: undefined,
};
