import { localStartTimes } from '../../src/world/local-times.ts';
import type { MaintenanceWindow, SiteTable } from '../sites/site-table.ts';

/** One window of a site while it is open. */
export interface OpenWindow {
  readonly siteId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly why: string;
}

interface Watched {
  readonly siteId: string;
  readonly timeZone: string;
  readonly window: MaintenanceWindow;
  /** The start of the window that is open now, or of the next one. */
  startMs: number;
}

const HOUR_MS = 3_600_000;

/**
 * Which of the sites' regular maintenance windows are open. Reading a calendar costs a fraction of a millisecond, and
 * there may be thousands of windows, so each keeps its next start and is looked up again only when it has closed.
 */
export class MaintenanceWindows {
  #table: SiteTable | undefined;
  #watched: Watched[] = [];
  #askedMs = 0;

  /** @param nowMs wall-clock time; when it goes back everything is looked up anew */
  open(table: SiteTable, nowMs: number): OpenWindow[] {
    if (table !== this.#table || nowMs < this.#askedMs) this.#watch(table, nowMs);
    this.#askedMs = nowMs;
    return this.#watched.flatMap((watched) => {
      const lengthMs = watched.window.hours * HOUR_MS;
      if (nowMs >= watched.startMs + lengthMs) watched.startMs = startOf(watched, nowMs);
      if (nowMs < watched.startMs) return [];
      const { siteId, startMs, window } = watched;
      return [{ siteId, startMs, endMs: startMs + lengthMs, why: window.why }];
    });
  }

  #watch(table: SiteTable, nowMs: number): void {
    this.#table = table;
    this.#watched = table.facts().flatMap(({ id, timeZone, maintenance }) => {
      if (timeZone === undefined) return [];
      return maintenance.map((window) => {
        const place = { siteId: id, timeZone, window };
        return { ...place, startMs: startOf(place, nowMs) };
      });
    });
  }
}

/** The start of the first window that has not closed yet. */
function startOf({ timeZone, window }: Omit<Watched, 'startMs'>, nowMs: number): number {
  const [startMs] = localStartTimes(timeZone, window.start, nowMs - window.hours * HOUR_MS, 1, window.weekday);
  return startMs ?? Number.POSITIVE_INFINITY;
}
