import { NO_VERDICT, type QualityVerdict } from '../ranking/candidate.ts';

/** What players' reports say, at one moment; never changes. */
export interface QualityView {
  /** Names the state of the view in logs and explanations. */
  readonly version: string;
  /** @param group of the client, see ClientPlace: its neighbours' experience counts before everybody's */
  of(applianceId: string, group: string): QualityVerdict;
}

export const NO_QUALITY: QualityView = { version: 'none', of: () => NO_VERDICT };
