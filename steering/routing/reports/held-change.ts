/** A mass change that does not count yet. */
export interface HeldChange {
  readonly because: string;
  readonly sinceMs: number;
  /** When it counts, if it lasts. */
  readonly untilMs: number;
  readonly applianceIds: readonly string[];
}
