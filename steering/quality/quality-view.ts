import { NO_VERDICT, type QualityVerdict } from '../ranking/candidate.ts';
import type { SettledClass } from './judging/settle-class.ts';

/** What players' reports say, at one moment; never changes. */
export interface QualityView {
  /** Names the state of the view in logs and explanations. */
  readonly version: string;
  /**
   * @param group of the client, see ClientPlace: its neighbours' experience counts before that of its site, and that
   *   before everybody's
   */
  of(applianceId: string, group: string, siteId?: string): QualityVerdict;
}

export const NO_QUALITY: QualityView = { version: 'none', of: () => NO_VERDICT };

/** A verdict with the settled class that it comes from. */
export interface Judged {
  readonly verdict: QualityVerdict;
  readonly settled: SettledClass;
}

/** All verdicts on one appliance. A group or site that is not there is judged as the next larger one. */
export interface JudgedAppliance extends Judged {
  readonly bySite: ReadonlyMap<string, Judged>;
  readonly byGroup: ReadonlyMap<string, Judged>;
}

/** Verdicts of one round. Asked for every candidate of every decision, so it looks up and makes nothing. */
export class JudgedView implements QualityView {
  readonly version: string;
  readonly appliances: ReadonlyMap<string, JudgedAppliance>;

  constructor(version: string, appliances: ReadonlyMap<string, JudgedAppliance>) {
    this.version = version;
    this.appliances = appliances;
  }

  of(applianceId: string, group: string, siteId?: string): QualityVerdict {
    const judged = this.appliances.get(applianceId);
    return judged === undefined ? NO_VERDICT : judgedFor(judged, group, siteId).verdict;
  }
}

export function judgedFor(judged: JudgedAppliance, group: string, siteId: string | undefined): Judged {
  const { byGroup, bySite } = judged;
  if (byGroup.size > 0) {
    const ofGroup = byGroup.get(group);
    if (ofGroup !== undefined) return ofGroup;
  }
  return (siteId === undefined || bySite.size === 0 ? undefined : bySite.get(siteId)) ?? judged;
}
