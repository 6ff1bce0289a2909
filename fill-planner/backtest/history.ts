/** What happened, as the backtest replays it: weekly top lists, their regional ranks, and whole catalogues by period. */
export interface History {
  /** Where it is from, for the report. */
  readonly source: string;
  readonly weekly: readonly WeeklyRow[];
  readonly regional: readonly RegionalRow[];
  readonly periods: readonly Period[];
}

export interface WeeklyRow {
  /** ISO date of the week's end; sorts as text. */
  readonly week: string;
  /** Such as `TV (English)`. */
  readonly group: string;
  readonly title: string;
  readonly hours: number;
  readonly runtimeHours: number | undefined;
  readonly ageWeeks: number;
}

export interface RegionalRow {
  readonly week: string;
  readonly region: string;
  readonly group: string;
  /** 1 to 10. */
  readonly rank: number;
  readonly title: string;
  readonly ageWeeks: number;
}

export interface Period {
  readonly name: string;
  readonly startsOn: string;
  readonly titles: readonly CatalogueRow[];
}

export interface CatalogueRow {
  readonly title: string;
  readonly show: string;
  /** 0 when there is none. */
  readonly season: number;
  readonly kind: string;
  readonly isGlobal: boolean;
  readonly releasedOn: string | undefined;
  readonly hours: number;
  readonly runtimeHours: number | undefined;
}
