/**
 * Whom nobody should be told to wait for.
 *
 * Silence alone says nothing: an appliance that is complete or waits for its window reports on change only. But one
 * that said it was filling reports every minute, so when it has not for `MISSED_MS` it is gone, or cut off, and whatever
 * it was to fetch for its site has to be fetched by somebody else. That lasts a day: then its old report no longer
 * proves that it was ever at work, and the others' escalation by silence does the rest.
 *
 * One that two others have banned for wrong bytes is not asked either. One accuser may itself be broken.
 */
export interface FillNews {
  readonly receivedAtMs: number;
  readonly report: {
    readonly applianceId: string;
    readonly state: 'waiting' | 'filling' | 'complete' | 'blocked';
    readonly bannedSources?: readonly { readonly id: string; readonly untilMs: number }[] | undefined;
  };
}

const MISSED_MS = 180_000;
const FORGOTTEN_MS = 86_400_000;
const ACCUSERS = 2;

/** Ids of appliances; the newest report of each goes in. */
export function absentAppliances(news: readonly FillNews[], nowMs: number): Set<string> {
  const absent = new Set<string>();
  const accusers = new Map<string, number>();
  for (const { receivedAtMs, report } of news) {
    const silentMs = nowMs - receivedAtMs;
    if (report.state === 'filling' && silentMs > MISSED_MS && silentMs < FORGOTTEN_MS) absent.add(report.applianceId);
    if (silentMs >= FORGOTTEN_MS) continue;
    for (const { id, untilMs } of report.bannedSources ?? []) {
      if (untilMs > nowMs) accusers.set(id, (accusers.get(id) ?? 0) + 1);
    }
  }
  for (const [id, count] of accusers) if (count >= ACCUSERS) absent.add(id);
  return absent;
}
